/** When a survey has asked enough, mode by mode. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SURVEY_ASKED_MAX } from "./mutable-constants.ts";
import { surveyStep } from "./mutable-survey-rules.ts";
import type { Standing, SurveyFacts } from "./mutable-survey-rules.ts";

const LETTERS: Record<string, { standing: Standing; hasShares: boolean }> = {
  ".": { standing: "unasked", hasShares: false },
  "?": { standing: "asked", hasShares: false },
  z: { standing: "late", hasShares: false },
  o: { standing: "answered", hasShares: false },
  S: { standing: "answered", hasShares: true },
  x: { standing: "failed", hasShares: false },
};

/** One letter for each server. */
function facts(servers: string, isRecoverable: boolean, isNewerLost = false): SurveyFacts {
  return { servers: [...servers].map((letter) => LETTERS[letter]!), needed: 3, total: 10, isRecoverable, isNewerLost };
}

describe("read", () => {
  const step = (...given: Parameters<typeof facts>) => surveyStep("read", false, facts(...given));

  test("asks twice k servers at first", () => assert.equal(step("..........", false), 6));
  test("goes on to 2k answers even when the content could be read", () => assert.equal(step("SSS???....", true), 0));
  test("is done with 2k answers and a readable version", () => assert.equal(step("SSSSSS....", true), "done"));
  test("asks another one for each that fails", () => assert.equal(step("SSSSSx....", true), 1));
  test("asks another one for each that is late", () => assert.equal(step("SSSSSz....", true), 1));
  test("goes on when a newer version has too few shares, some at a time", () => {
    assert.equal(step("SSSSSS....", true, true), 4);
    assert.equal(step("SSSSSS..........", true, true), SURVEY_ASKED_MAX);
    assert.equal(step("SSSSSS?????.....", true, true), 0);
  });
  test("does not wait for who is late when nobody else is left", () => {
    assert.equal(step("SSSzz", true), "done");
    assert.equal(step("SSSzz", true, true), "done");
  });
  test("waits for who is late when nothing can be read without", () => assert.equal(step("SSzxx", false), 0));
  test("ends when nobody is left", () => assert.equal(step("SSooxx", false), "done"));
});

describe("anything", () => {
  test("is done with the first readable version", () => {
    assert.equal(surveyStep("anything", false, facts("SSS???....", true, true)), "done");
  });
});

describe("write", () => {
  const step = (...given: Parameters<typeof facts>) => surveyStep("write", false, facts(...given));

  test("asks N + k servers at first", () => assert.equal(step(".".repeat(20), false), 13));
  test("is done k servers behind the last with shares", () => {
    assert.equal(step("SSSSSSSSSSooo.......", true), "done");
    assert.equal(step("SSSSSSSoSoSooxo.....", true), "done");
    assert.equal(step("SSSSSSSoSoSooxx.....", true), SURVEY_ASKED_MAX);
  });
  test("waits for those before that", () => assert.equal(step("SSSSS?SSSSSooo......", true), 0));
  test("passes over who is late", () => assert.equal(step("SSSSSzSSSSSooo......", true), "done"));
  test("goes on while nothing is readable", () => assert.equal(step("ooooooooooooo.......", false), SURVEY_ASKED_MAX));
});

describe("check", () => {
  test("asks everybody", () => assert.equal(surveyStep("check", true, facts("SSS....", true)), 4));
  test("a patient one waits for who is late", () => {
    assert.equal(surveyStep("check", true, facts("SSSz", true)), 0);
    assert.equal(surveyStep("check", false, facts("SSSz", true)), "done");
    assert.equal(surveyStep("check", true, facts("SSSx", true)), "done");
  });
});
