/** Types of the npm package multicast-dns (7.2), as far as we use it: it ships none. Records are dns-packet's. */
declare module "multicast-dns" {
  import type { EventEmitter } from "node:events";

  export interface DnsQuestion {
    name: string;
    type: string;
  }
  export interface DnsRecord {
    name: string;
    type: string;
    ttl?: number;
    /** The cache-flush bit: this record replaces all others of the same name and type. */
    flush?: boolean;
    data?: unknown;
  }
  export interface DnsPacket {
    id?: number;
    type?: "query" | "response";
    questions?: DnsQuestion[];
    answers?: DnsRecord[];
    authorities?: DnsRecord[];
    additionals?: DnsRecord[];
  }
  export interface PacketSource {
    address: string;
    port: number;
  }
  type Sent = (error?: Error | null) => void;

  export interface MulticastDns extends EventEmitter {
    query(packet: DnsPacket, sent: Sent): void;
    respond(packet: DnsPacket, sent: Sent): void;
    respond(packet: DnsPacket, to: PacketSource, sent: Sent): void;
    destroy(done?: () => void): void;
  }
  export interface MulticastDnsOptions {
    port?: number;
    bind?: string;
    interface?: string;
    loopback?: boolean;
    reuseAddr?: boolean;
  }
  export default function multicastDns(options: MulticastDnsOptions): MulticastDns;
}
