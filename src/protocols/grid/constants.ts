/** Sizes that the formats fix, and every limit of ours, in one place. Each limit has a test that reaches it. */

// --- Fixed by the formats -----------------------------------------------------------------------------------------

export const HASH_BYTES = 32;
/** AES-128 keys, storage indexes, salts. */
export const KEY_BYTES = 16;
/** A server's id in leases and write enablers: the raw bytes of its tub id. */
export const PEER_ID_BYTES = 20;
/** Uploaders put content up to this length into the cap itself. */
export const LITERAL_MAX_BYTES = 55;
/** The most shares that the erasure code knows. */
export const SHARES_MAX = 256;

// --- Immutable files ----------------------------------------------------------------------------------------------

/** What a writer takes where nobody says otherwise. */
export const DEFAULT_SEGMENT_MAX_BYTES = 1_048_576;
/** A UEB of this length or more is not read. Writers make some 330 bytes. */
export const UEB_MAX_BYTES = 2000;
/** A segment is held in memory as a whole, twice. Files with larger ones are refused. */
export const SEGMENT_MAX_BYTES = 64 * 1024 * 1024;
/** Segments of one file: 4 PiB of 1 MiB each. Node numbers of hash trees stay far below 2^53. */
export const SEGMENTS_MAX = 2 ** 32;
/** Segments of a file of which every byte can be checked: its trees are read as a whole. 1 TiB in segments of 1 MiB. */
export const AUDIT_SEGMENTS_MAX = 2 ** 20;
/** Hashes that are read together: the next ones are needed soon, and a request costs more than 8 KiB. */
export const HASHES_PER_READ = 256;
/** Ranges that lie this close are asked for as one. */
export const RANGE_GAP_BYTES = 8192;
/** Hash trees that an encoder keeps until the file ends: 3 of 10 in segments of 1 MiB come to 512 GiB of content. */
export const ENCODER_TREES_MAX_BYTES = 384 * 1024 * 1024;

// --- Mutable files and directories --------------------------------------------------------------------------------

/** k and N are one byte each. */
export const MUTABLE_SHARES_MAX = 255;
/** An SDMF file is one segment and in memory as a whole, several times. */
export const SDMF_DATA_MAX_BYTES = 256 * 1024 * 1024;
/** Of one MDMF file: 32 GiB in the usual segments; the block hash tree of each share is 16 MiB then. */
export const MDMF_SEGMENTS_MAX = 2 ** 18;
/** The DER of either key; 1,219 and 294 bytes for the 2048 bits that the format asks for. */
export const MUTABLE_KEY_MAX_BYTES = 4096;
/** 256 for 2048 bits. */
export const MUTABLE_SIGNATURE_MAX_BYTES = 1024;
/** Shares of one mutable file that all servers together may show. */
export const SERVER_MAP_SHARES_MAX = 65_536;
/** Children of one directory, which is read and written as a whole: some 150 MiB. */
export const DIRECTORY_CHILDREN_MAX = 500_000;
/** UTF-8 of a child's name that we write. The format has no limit, so longer ones are still read. */
export const CHILD_NAME_MAX_BYTES = 4096;
/** JSON of a child's metadata that we write. Longer ones are kept as they are. */
export const CHILD_METADATA_MAX_BYTES = 64 * 1024;

// --- Test vectors -------------------------------------------------------------------------------------------------

/** Content of a LIT cap that a test vector may ask for: all of it is in one string. */
export const VECTOR_LITERAL_MAX_BYTES = 1_048_576;
/** Fields of one test vector, with those inside of other objects. */
export const VECTOR_FIELDS_MAX = 100;
