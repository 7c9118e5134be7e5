/**
 * From an endpoint's method and path and one input object to a URL and a body: path parameters go into the path,
 * what is left goes into the query (GET, DELETE) or into a JSON body (the others).
 */
import { shownText } from "../../src/kernel/unseen.ts";

export interface Request {
  url: string;
  body?: string;
}

export const API_ROOT = "/api/v1";

export function buildRequest(method: string, pattern: string, input: Record<string, unknown>): Request {
  if (method === "GET" || method === "DELETE") return { url: buildBytesRequest(pattern, input) };
  const { path, rest } = filled(pattern, input);
  return { url: API_ROOT + path, body: JSON.stringify(Object.fromEntries(rest)) };
}

/** The URL of a call whose body is bytes, or that has none: what is no part of the path goes into the query. */
export function buildBytesRequest(pattern: string, input: Record<string, unknown>): string {
  const { path, rest } = filled(pattern, input);
  const query = new URLSearchParams([...rest].map(([key, value]) => [key, String(value)])).toString();
  return API_ROOT + path + (query ? `?${query}` : "");
}

function filled(pattern: string, input: Record<string, unknown>): { path: string; rest: Map<string, unknown> } {
  const rest = new Map(Object.entries(input).filter(([, value]) => value !== undefined));
  const path = pattern.replaceAll(/:(\w+)/g, (_, key: string) => {
    const value = rest.get(key);
    rest.delete(key);
    return encodeURIComponent(String(value));
  });
  return { path, rest };
}

/**
 * The value of an answer. Names, tags and payloads in it are words of others: what nobody sees in them is marked. Such
 * characters can stand in the strings of JSON only.
 */
export function readAnswer(text: string): unknown {
  return JSON.parse(shownText(text));
}
