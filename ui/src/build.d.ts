/**
 * What the build adds: the table of endpoints, the word tables, and whether the gallery is part of it.
 */
declare module "virtual:api-table" {
  /** Method and path by "SERVICE.ENDPOINT". */
  const table: Readonly<Record<string, readonly [method: string, path: string]>>;
  export default table;
}

declare module "virtual:words/*" {
  const table: Readonly<Record<string, string>>;
  export default table;
}

declare const __GALLERY__: boolean;
