/** Small things that are kept over restarts, as JSON under a name. What cannot be read is not there. */
export interface Notes {
  read<T>(name: string): T | undefined;
  write(name: string, value: unknown): void;
}

export function createNotes(rows: {
  note: (name: string) => string | undefined;
  setNote: (name: string, value: string) => void;
}): Notes {
  return {
    read<T>(name: string) {
      try {
        const text = rows.note(name);
        return text === undefined ? undefined : (JSON.parse(text) as T);
      } catch {
        return undefined;
      }
    },
    write: (name, value) => void rows.setNote(name, JSON.stringify(value)),
  };
}
