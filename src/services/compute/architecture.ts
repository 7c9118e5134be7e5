/** Which processors run an image: what its publisher says of it, and what hosts say of their engines. */
import type { MeshClient } from "../mesh/client.ts";
import { COMPUTE_KIND, readComputeBody } from "./compute-record.ts";
import type { ComputeBody } from "./compute-record.ts";
import { computeErrors } from "./errors.ts";
import type { Image } from "./images.ts";

/** Debian's names, which images have as well. */
const SAME: Readonly<Record<string, string>> = {
  ...{ amd64: "x86_64", arm64: "aarch64", armhf: "armv7l", armel: "armv7l" },
  ...{ i386: "i686", i586: "i686", ppc64el: "ppc64le" },
};

/** As the kernel calls it. */
export function plainArch(text: string): string {
  return SAME[text] ?? text;
}

/** True also where one of the two says nothing. */
export function runsOn(host: ComputeBody | undefined, arch: string | undefined): boolean {
  return host === undefined || arch === undefined || archsOf(host).includes(plainArch(arch));
}

/** Throws `compute-image-arch` when boxes lend, and the engine of none of them runs it. */
export function checkLenders({ mesh }: { mesh: Pick<MeshClient, "records"> }, { name, arch }: Image): void {
  const hosts = mesh.records(COMPUTE_KIND).flatMap(({ body }) => readComputeBody(body) ?? []);
  if (hosts.length === 0 || hosts.some((host) => runsOn(host, arch))) return;
  const have = [...new Set(hosts.flatMap(archsOf))].toSorted().join(", ");
  throw computeErrors.fail("compute-image-arch", { params: { name, arch, have } });
}

function archsOf({ arch, archs = [arch] }: ComputeBody): string[] {
  return archs.map(plainArch);
}
