/**
 * The questions that a probe asks over UDP, and how their answers are told: each is the smallest that any server of
 * its kind answers, and no answer is longer than a packet. UDP services of other kinds are not asked: a packet that
 * a server does not understand is no question.
 */
import { randomBytes } from "node:crypto";

export interface Question {
  bytes: Buffer;
  isAnswer: (bytes: Buffer) => boolean;
}

const QUESTIONS = { dns: askDns, ntp: askNtp, coap: askCoap };

export function isQuestionScheme(scheme: string): scheme is keyof typeof QUESTIONS {
  return Object.hasOwn(QUESTIONS, scheme);
}

/** Made anew each time, with a random number that the answer must repeat. */
export function questionFor(scheme: keyof typeof QUESTIONS): Question {
  return QUESTIONS[scheme]();
}

/** The name servers of the root. Any answer with our id counts, also a refusal: the server is alive. */
function askDns(): Question {
  const id = randomBytes(2);
  // Header: id, recursion desired, one question. Question: the root, type NS, class IN (RFC 1035, section 4.1).
  const bytes = Buffer.from([...id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]);
  return {
    bytes,
    isAnswer: (answer) => answer.length >= 12 && answer.subarray(0, 2).equals(id) && (answer[2]! & 0x80) !== 0,
  };
}

/** A client's request (RFC 5905, section 7.3): version 4, mode 3; a random transmit time comes back as the origin. */
function askNtp(): Question {
  const transmit = randomBytes(8);
  const bytes = Buffer.concat([Buffer.from([0x23]), Buffer.alloc(39), transmit]);
  return {
    bytes,
    isAnswer: (answer) => answer.length >= 48 && (answer[0]! & 0x07) === 4 && answer.subarray(24, 32).equals(transmit),
  };
}

/** "CoAP ping" (RFC 7252, section 4.3): an empty confirmable message, answered by a reset with the same id. */
function askCoap(): Question {
  const id = randomBytes(2);
  return {
    bytes: Buffer.from([0x40, 0x00, ...id]),
    isAnswer: (answer) => answer.length === 4 && answer[0] === 0x70 && answer[1] === 0 && answer.subarray(2).equals(id),
  };
}
