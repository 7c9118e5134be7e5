/** Answers that are whole at once: none, XML, and refusals. */
import type { ServerResponse } from "node:http";
import type { Refusal } from "./refusal.ts";
import { escapeXml } from "./xml.ts";

export const XML_TYPE = "application/xml; charset=utf-8";
export const XML_HEAD = `<?xml version="1.0" encoding="utf-8"?>\n`;

export type Headers = Readonly<Record<string, string | number>>;

export function answerEmpty(response: ServerResponse, status: number, headers: Headers = {}): void {
  response.writeHead(status, status === 204 || status === 304 ? headers : { "content-length": 0, ...headers });
  response.end();
}

export function answerXml(response: ServerResponse, status: number, body: string, headers: Headers = {}): void {
  answerBody(response, status, XML_TYPE, XML_HEAD + body, headers);
}

export function answerRefusal(response: ServerResponse, refusal: Refusal): void {
  const { status, condition, hrefs, headers } = refusal;
  const named = hrefs.map((href) => `<D:href>${escapeXml(href)}</D:href>`);
  if (status === 207) {
    const responses = named.map((href) => `<D:response>${href}${statusXml(423)}</D:response>`);
    return answerXml(response, 207, `<D:multistatus xmlns:D="DAV:">${responses.join("")}</D:multistatus>`, headers);
  }
  if (condition !== undefined) {
    const inside = named.length > 0 ? `<D:${condition}>${named.join("")}</D:${condition}>` : `<D:${condition}/>`;
    return answerXml(response, status, `<D:error xmlns:D="DAV:">${inside}</D:error>`, headers);
  }
  if (status === 304) return answerEmpty(response, status, headers);
  return answerBody(response, status, "text/plain; charset=utf-8", `${refusal.message}\n`, headers);
}

const STATUS_TEXTS: Readonly<Record<number, string>> = {
  200: "OK",
  403: "Forbidden",
  404: "Not Found",
  423: "Locked",
  424: "Failed Dependency",
  507: "Insufficient Storage",
};

export function statusXml(status: number): string {
  return `<D:status>HTTP/1.1 ${status} ${STATUS_TEXTS[status] ?? ""}</D:status>`;
}

function answerBody(response: ServerResponse, status: number, type: string, body: string, headers: Headers): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { "content-type": type, "content-length": bytes.length, ...headers });
  response.end(bytes);
}
