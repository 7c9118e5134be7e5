/**
 * The description of the API, OpenAPI 3.1, derived from the contracts. Made when first asked for.
 */
import { z } from "zod";
import type { Endpoint, Service } from "../../kernel/contract.ts";

export function openApi(services: readonly Service[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { contract } of services) {
    for (const [name, endpoint] of Object.entries(contract.endpoints)) {
      const path = endpoint.path.replaceAll(/:(\w+)/g, "{$1}");
      paths[path] ??= {};
      paths[path][endpoint.method.toLowerCase()] = operation(
        contract.name,
        name,
        endpoint,
        Object.keys(contract.errors),
      );
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Comú",
      version,
      description: "A box of a community cloud. Errors have one form: see the schema Error.",
    },
    servers: [{ url: "/api/v1" }],
    paths,
    components: {
      schemas: { Error: errorSchema },
      securitySchemes: {
        session: {
          type: "apiKey",
          in: "header",
          name: "x-comu-csrf",
          description: "Beside the cookie of the session.",
        },
      },
    },
  };
}

const errorSchema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message", "advice"],
      properties: {
        code: { type: "string" },
        message: { type: "string" },
        advice: { type: "string" },
        params: { type: "object" },
      },
    },
  },
};

function operation(service: string, name: string, endpoint: Endpoint, codes: string[]): object {
  const schema = z.toJSONSchema(endpoint.input, { io: "input" }) as JsonObjectSchema;
  const inPath = [...endpoint.path.matchAll(/:(\w+)/g)].map((match) => match[1]!);
  const reads = endpoint.method === "GET" || endpoint.method === "DELETE" || endpoint.bytes !== undefined;
  const keys = Object.keys(schema.properties ?? {});
  const parameters = keys
    .filter((key) => reads || inPath.includes(key))
    .map((key) => ({
      name: key,
      in: inPath.includes(key) ? "path" : "query",
      required: inPath.includes(key) || (schema.required ?? []).includes(key),
      schema: schema.properties![key],
    }));
  for (const [key, name] of Object.entries(endpoint.headers ?? {}))
    parameters.push({ name, in: "header", required: false, schema: schema.properties![key] });
  const bodyKeys = reads ? [] : keys.filter((key) => !inPath.includes(key));
  return {
    operationId: `${service}.${name}`,
    tags: [service],
    summary: endpoint.summary,
    description: `Needs the role ${endpoint.role} or a stronger one. Own error codes: ${codes.join(", ") || "none"}.`,
    ...(parameters.length ? { parameters } : {}),
    ...(endpoint.bytes ? { requestBody: { required: false, content: { "application/octet-stream": BYTES } } } : {}),
    ...(bodyKeys.length ? { requestBody: { required: true, content: json(pick(schema, bodyKeys)) } } : {}),
    ...(endpoint.role === "public" ? {} : { security: [{ session: [] }] }),
    responses: {
      ...(endpoint.socket ? { 101: { description: "A web socket; its last message holds what 200 would" } } : {}),
      200: {
        description: "Done",
        content: endpoint.answerType
          ? { [endpoint.answerType]: BYTES }
          : json(z.toJSONSchema(endpoint.output, { io: "output", unrepresentable: "any" })),
      },
      default: { description: "Refused or failed", content: json({ $ref: "#/components/schemas/Error" }) },
    },
  };
}

const BYTES = { schema: { type: "string", format: "binary" } };

interface JsonObjectSchema {
  properties?: Record<string, object>;
  required?: string[];
}

function pick(schema: JsonObjectSchema, keys: string[]): object {
  const properties = Object.fromEntries(keys.map((key) => [key, schema.properties![key]]));
  return { type: "object", properties, required: (schema.required ?? []).filter((key) => keys.includes(key)) };
}

function json(schema: object): object {
  return { "application/json": { schema } };
}
