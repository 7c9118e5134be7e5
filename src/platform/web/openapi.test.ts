/** The API's description: every endpoint of every service, as OpenAPI 3.1 wants it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../kernel/contract.ts";
import { services } from "../../services/index.ts";
import { openApi } from "./openapi.ts";
import { sampleApi, sampleService } from "./sample-service.ts";

interface Operation {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: { content: { "application/json": { schema: { properties: object; required: string[] } } } };
  security?: object[];
  responses: Record<string, { description: string; content: Record<string, { schema: object }> }>;
}
type Described = {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: object };
};

const describe = (all: readonly Service[]) => JSON.parse(JSON.stringify(openApi(all, "1.2.3"))) as Described;

test("path, query and body parameters, roles and answers of an endpoint", () => {
  const { paths, info } = describe([sampleService()]);
  assert.equal(info.version, "1.2.3");
  const fill = paths["/cups/{name}"]!["post"]!;
  assert.deepEqual(fill.parameters, [{ name: "name", in: "path", required: true, schema: { type: "string" } }]);
  const body = fill.requestBody!.content["application/json"].schema;
  assert.deepEqual([Object.keys(body.properties), body.required], [["ml", "note"], ["ml"]]);
  assert.deepEqual(fill.security, [{ session: [] }]);
  const list = paths["/cups"]!["get"]!;
  assert.deepEqual(
    list.parameters!.map((one) => `${one.name} ${one.in} ${one.required}`),
    ["q query false", "all query false"],
  );
  assert.equal(list.requestBody, undefined);
  assert.equal(paths["/open"]!["get"]!.security, undefined);
});

test("every endpoint of every service is described, once, and every reference leads somewhere", () => {
  const all = services.map((entry) => ({ ...sampleService(), contract: entry.contract }) as unknown as Service);
  const described = describe(all);
  assert.match(described.openapi, /^3\.1\./);
  const ids = new Set<string>();
  let endpoints = 0;
  for (const { contract } of services) {
    for (const [name, endpoint] of Object.entries(contract.endpoints)) {
      endpoints += 1;
      const operation = described.paths[endpoint.path.replaceAll(/:(\w+)/g, "{$1}")]?.[endpoint.method.toLowerCase()];
      assert.equal(operation?.operationId, `${contract.name}.${name}`);
      assert.ok(operation.summary.length > 5);
      assert.ok(operation.responses["200"]!.content[endpoint.answerType ?? "application/json"]!.schema);
      ids.add(operation.operationId);
    }
  }
  assert.ok(endpoints > 30, `${endpoints} endpoints`);
  assert.equal(ids.size, endpoints);
  for (const [path, operations] of Object.entries(described.paths)) {
    for (const operation of Object.values(operations)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
      const declared = (operation.parameters ?? []).filter((one) => one.in === "path").map((one) => one.name);
      assert.deepEqual(declared.toSorted(), inPath.toSorted(), path);
    }
  }
  for (const [, name] of JSON.stringify(described).matchAll(/"\$ref":"([^"]+)"/g))
    assert.equal(name, "#/components/schemas/Error");
});

test("it is served", async () => {
  const { api } = sampleApi();
  const answer = await api.fetch(
    new Request("http://box.local/api/v1/openapi.json", { headers: { host: "box.local" } }),
    { address: "10.0.0.9", local: false },
  );
  assert.ok(((await answer.json()) as Described).paths["/cups"]);
});
