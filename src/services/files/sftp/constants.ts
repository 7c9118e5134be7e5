/** The limits of the SFTP server, in one place. Tests hand in smaller ones where the real one is far away. */

/** What OpenSSH takes and sends at most; a longer packet ends the session. */
export const PACKET_MAX_BYTES = 262_144;
/** Of one READ or WRITE: a packet less what stands around the data. */
export const PIECE_MAX_BYTES = PACKET_MAX_BYTES - 1024;
/** Of a path as it comes, before it is looked at. */
export const PATH_MAX_BYTES = 16_384;
/** Entries in one answer to READDIR. */
export const LISTED_AT_ONCE_MAX = 100;

export interface SftpLimits {
  connectionsMax: number;
  connectionsPerAddressMax: number;
  /** Connections that have not logged in yet. */
  strangersMax: number;
  /** From the connection to the login. */
  loginTimeoutMs: number;
  /** Wrong passwords and unknown keys of one connection; then it is closed. */
  loginAttemptsMax: number;
  /** Of one address within `loginMemoryMs`; then its connections are refused until the time is over. */
  loginFailuresMax: number;
  loginMemoryMs: number;
  /** Addresses whose failures are remembered; the oldest is forgotten first. */
  loginAddressesMax: number;
  /** How long the answer to a wrong login waits. */
  loginDelayMs: number;
  /** Channels of one connection, each with a session of its own. */
  sessionsMax: number;
  /** Files and folders that one session holds open. */
  handlesMax: number;
  /** Requests of one session that are being worked on, and the bytes that they bring or ask for; others wait. */
  requestsMax: number;
  requestBytesMax: number;
  /** What a client sends beyond the window that it was given ends its connection. */
  unreadMaxBytes: number;
  /** Read before it is asked for: of one file, and of all files of all sessions together. */
  readAheadBytes: number;
  readAheadTotalBytes: number;
  /** Reads may come so much out of order: kept after it was given, and waited for instead of jumped to. */
  readAroundBytes: number;
  /** A file that nobody has read from for so long gives its buffers back. */
  readIdleMs: number;
  /** A file that is written is kept in memory up to here; beyond it goes to the spool folder. */
  spoolMemoryBytes: number;
  /** Of all files that are in memory; what comes then goes to the folder at once. */
  spoolMemoryTotalBytes: number;
  /** Files that are open in the folder. */
  spoolFilesMax: number;
  /** Of one file, and of all files that are being written. */
  spoolFileMaxBytes: number;
  spoolTotalMaxBytes: number;
  /** After `close`, how long files whose CLOSE has come may still be stored. */
  stopGraceMs: number;
}

export const SFTP_LIMITS: SftpLimits = {
  connectionsMax: 64,
  connectionsPerAddressMax: 32,
  strangersMax: 16,
  loginTimeoutMs: 30_000,
  loginAttemptsMax: 8,
  loginFailuresMax: 40,
  loginMemoryMs: 600_000,
  loginAddressesMax: 1024,
  loginDelayMs: 500,
  sessionsMax: 4,
  handlesMax: 256,
  requestsMax: 64,
  requestBytesMax: 4 * 2 ** 20,
  unreadMaxBytes: 4 * 2 ** 20,
  readAheadBytes: 2 ** 20,
  readAheadTotalBytes: 64 * 2 ** 20,
  readAroundBytes: 2 ** 19,
  readIdleMs: 30_000,
  spoolMemoryBytes: 2 ** 18,
  spoolMemoryTotalBytes: 64 * 2 ** 20,
  spoolFilesMax: 512,
  spoolFileMaxBytes: 64 * 2 ** 30,
  spoolTotalMaxBytes: 128 * 2 ** 30,
  stopGraceMs: 10_000,
};
/** Times of one session that were answered and are not in their folders yet; more of them wait. */
export const LATE_TIMES_MAX = 256;
