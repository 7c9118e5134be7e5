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
  const rest = new Map(Object.entries(input).filter(([, value]) => value !== undefined));
  const path = pattern.replaceAll(/:(\w+)/g, (_, key: string) => {
    const value = rest.get(key);
    rest.delete(key);
    return encodeURIComponent(String(value));
  });
  if (method !== "GET" && method !== "DELETE") {
    return { url: API_ROOT + path, body: JSON.stringify(Object.fromEntries(rest)) };
  }
  const query = new URLSearchParams([...rest].map(([key, value]) => [key, String(value)])).toString();
  return { url: API_ROOT + path + (query ? `?${query}` : "") };
}

/**
 * The value of an answer. Names, tags and payloads in it are words of others: what nobody sees in them is marked. Such
 * characters can stand in the strings of JSON only.
 */
export function readAnswer(text: string): unknown {
  return JSON.parse(shownText(text));
}
