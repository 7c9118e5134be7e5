/**
 * Short intervals for tests and demonstrations: with COMU_PROFILE=test in the environment, a new box begins with
 * these settings instead of the defaults. They are ordinary settings: all of them can be set by hand as well.
 */
export function testProfile(): object | undefined {
  if (process.env["COMU_PROFILE"] !== "test") return undefined;
  return {
    version: 1,
    mesh: { profile: "test" },
    discovery: { checkIntervalS: 1, measureIntervalS: 5 },
  };
}
