/** What can go wrong with files, for people and programs. Texts and advice are in `ui/*.json`. */
import { defineErrors } from "../../kernel/errors.ts";

export const filesErrors = defineErrors({
  /** There is nothing of this name. Params: path. */
  "files-not-found": 404,
  /** Params: path. */
  "files-exists": 409,
  /** A folder is wanted, and this is a file. Params: path. */
  "files-not-a-folder": 409,
  /** A file is wanted, and this is a folder. Params: path. */
  "files-is-a-folder": 409,
  /** A name that cannot be: empty, ".", "..", a slash, a control character, too long. Params: name. */
  "files-bad-name": 400,
  /** A folder into itself. */
  "files-into-itself": 409,
  /** What is wanted can be done with what is in a folder, and not with the top one. */
  "files-top-folder": 409,
  /** What is there has changed since it was looked at. Params: path. */
  "files-changed": 412,
  /** This folder or file can only be read. Params: path. */
  "files-read-only": 403,
  /** Params: limit. */
  "files-too-large": 413,
  /** Entries of one folder. Params: limit. */
  "files-folder-full": 507,
  /** Too few servers answer to store so that no single owner can lose it. Params: found, wanted. */
  "files-not-spread": 503,
  /** The servers have no room, or the member's share of it is used up. */
  "files-no-room": 507,
  /** Too few shares can be reached now. Params: found, needed. */
  "files-unreachable": 503,
  /** The shares that can be reached are damaged. Params: good, needed. */
  "files-damaged": 500,
  /** Others changed the same thing at the same moment, again and again. */
  "files-contended": 409,
  /** A cap that is none, or not of the kind that is needed here. */
  "files-bad-cap": 400,
  /** Params: limit. */
  "files-too-many": 429,
  /** The box has no room to take the upload in. */
  "files-spool-full": 507,
  /** There is no such upload (any more). */
  "files-upload-unknown": 404,
  /** The piece does not begin where the upload stands. Params: offset. */
  "files-upload-offset": 409,
  /** A link that never was, has ended or was taken back. */
  "files-link-gone": 410,
  /** A list of servers that cannot be read. Params: reason. */
  "files-bad-servers": 400,
  /** Params: name. */
  "files-server-unknown": 404,
  /** The port for devices cannot be opened. Params: port. */
  "files-port": 503,
  /** A recovery phrase of another number of words. Params: count, wanted. */
  "files-phrase-count": 400,
  /** Words that are in no list of recovery phrases. Params: numbers (their places, from 1). The words are not told. */
  "files-phrase-word": 400,
  /** Words of the list that make no phrase: one is another one, or two have changed places. */
  "files-phrase-wrong": 400,
  /** There is a recovery phrase, and it was not said that it is to be replaced. */
  "files-recovery-exists": 409,
  /** No other box keeps what a recovery phrase leads to. */
  "files-recovery-nobody": 503,
  /** All boxes answered, and none has anything for the words. Params: answered. */
  "files-recovery-not-found": 404,
  /** Those that answered have nothing for the words, and others did not answer. Params: answered, away, names. */
  "files-recovery-away": 503,
});
