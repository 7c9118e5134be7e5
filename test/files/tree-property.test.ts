/** Any sequence of operations gives the tree that a simple model gives, or is refused by both with the same code. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asFailure, isFailure } from "../../src/kernel/errors.ts";
import type { MemberFiles } from "../../src/services/files/tree/member-files.ts";
import { bytesOf, content, treeBox } from "./tree-box.ts";

interface Write {
  do: "write";
  path: string;
  text: string;
  mode: "new" | "replace";
}

interface Carry {
  do: "move" | "copy";
  from: string;
  to: string;
  replace: boolean;
}

type Operation = Write | { do: "makeFolder"; path: string } | { do: "remove"; path: string } | Carry;

type Node = string | Map<string, Node>;

class Refused extends Error {}

/** Folders as maps, files as their text. */
class Model {
  readonly root = new Map<string, Node>();

  run(operation: Operation): void {
    if (operation.do === "write") this.#write(operation);
    else if (operation.do === "makeFolder") this.#makeFolder(operation.path);
    else if (operation.do === "remove") this.#remove(operation.path);
    else this.#carry(operation);
  }

  #at(path: string): { folder: Map<string, Node>; name: string; node: Node | undefined } {
    const names = path.split("/").filter(Boolean);
    const name = names.pop()!;
    let folder = this.root;
    for (const one of names) {
      const next = folder.get(one);
      if (next === undefined) throw new Refused("files-not-found");
      if (typeof next === "string") throw new Refused("files-not-a-folder");
      folder = next;
    }
    return { folder, name, node: folder.get(name) };
  }

  #write({ path, text, mode }: Write): void {
    const { folder, name, node } = this.#at(path);
    if (node instanceof Map) throw new Refused("files-is-a-folder");
    if (node !== undefined && mode === "new") throw new Refused("files-exists");
    folder.set(name, text);
  }

  #makeFolder(path: string): void {
    const { folder, name, node } = this.#at(path);
    if (node !== undefined) throw new Refused("files-exists");
    folder.set(name, new Map());
  }

  #remove(path: string): void {
    const { folder, name, node } = this.#at(path);
    if (node === undefined) throw new Refused("files-not-found");
    folder.delete(name);
  }

  #carry({ do: how, from, to, replace }: Carry): void {
    const source = this.#at(from);
    if (source.node === undefined) throw new Refused("files-not-found");
    const target = this.#at(to);
    if (from === to) {
      if (how === "move") return;
      throw new Refused("files-into-itself");
    }
    const isFolderAround = (path: string, node: Node | undefined, inner: string) =>
      node instanceof Map && inner.startsWith(`${path}/`);
    if (isFolderAround(from, source.node, to) || isFolderAround(to, target.node, from)) {
      throw new Refused("files-into-itself");
    }
    if (target.node !== undefined && !replace) throw new Refused("files-exists");
    target.folder.set(target.name, how === "copy" ? structuredClone(source.node) : source.node);
    if (how === "move") source.folder.delete(source.name);
  }
}

const segment = fc.constantFrom("a", "b", "ç");
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join("/")}`);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    do: fc.constant("write" as const),
    path,
    text: fc.constantFrom("", "one", "x".repeat(60)),
    mode: fc.constantFrom("new" as const, "replace" as const),
  }),
  fc.record({ do: fc.constant("makeFolder" as const), path }),
  fc.record({ do: fc.constant("remove" as const), path }),
  fc.record({ do: fc.constantFrom("move" as const, "copy" as const), from: path, to: path, replace: fc.boolean() }),
);

async function apply(files: MemberFiles, wish: Operation): Promise<unknown> {
  if (wish.do === "write") return files.write(wish.path, content(wish.text), { mode: wish.mode });
  if (wish.do === "makeFolder") return files.makeFolder(wish.path);
  if (wish.do === "remove") return files.remove(wish.path);
  return files[wish.do](wish.from, wish.to, { replace: wish.replace });
}

async function seen(files: MemberFiles, folder = "/"): Promise<Record<string, unknown>> {
  const entries = await files.list(folder);
  const found: Record<string, unknown> = {};
  for (const { name, path: own, kind } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    found[name] =
      kind === "folder" ? await seen(files, own) : (await bytesOf((await files.read(own)).content)).toString();
  }
  return found;
}

function modelled(folder: Map<string, Node>): Record<string, unknown> {
  const sorted = [...folder].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, node]) => [name, node instanceof Map ? modelled(node) : node]));
}

test("any sequence of operations does what the model does", { timeout: 180_000 }, async (t) => {
  let account = 0;
  const { tree } = await treeBox(t);
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
      const files = tree.files(`account ${(account += 1)}`);
      const model = new Model();
      for (const one of operations) {
        let refused = "";
        try {
          model.run(one);
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          refused = error.message;
        }
        const outcome = await apply(files, one).then(
          () => "",
          (error: unknown) => {
            if (!isFailure(error)) throw error;
            return asFailure(error).code;
          },
        );
        assert.equal(outcome, refused, JSON.stringify(one));
      }
      const end = await seen(files);
      assert.deepEqual(end, modelled(model.root));
      // Another session, which has nothing in its cache, sees the same.
      const other = await files.below("/", false);
      assert.deepEqual(await seen(other), end);
    }),
    { numRuns: 60 },
  );
});
