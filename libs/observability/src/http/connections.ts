import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** File descriptors that connections of callers must leave to those of the database, to logs and to files. */
const KEPT_DESCRIPTORS = 256;
/** A connection younger than this may have a request on its way to us. */
const FRESH_MS = 100;

interface Connection {
  /** Requests that are not answered to their end. */
  underWay: number;
  idleSince: number;
  /** What had been read when the last request was over; more of it is the beginning of another. */
  bytesRead: number;
}

/**
 * The open connections of a server, bounded. When one more comes than may be open, the one that has been without a request for
 * longest makes room: thousands that only wait cannot keep anybody out. Only while every one of them is at work is a new one refused.
 */
export class Connections {
  private readonly open = new Map<Socket, Connection>();
  /** Those without a request under way; the one that has been so for longest comes first. */
  private readonly idle = new Set<Socket>();
  /** How many were closed to make room, and how many refused. */
  closedIdle = 0;
  refused = 0;

  /**
   * @param makeRoom closes some connection that is at work and better closed than a new one refused; false when there is none
   * @param refuse tells the caller, or not, and closes the connection
   */
  constructor(
    server: Server,
    readonly limit: number,
    private readonly makeRoom: () => boolean,
    private readonly refuse: (socket: Socket) => void,
  ) {
    server.on('connection', (socket: Socket) => this.take(socket));
    server.prependListener('request', ({ socket }, response) => {
      this.begin(socket);
      response.once('close', () => this.end(socket));
    });
  }

  /** False for one that was refused. */
  has(socket: Socket): boolean {
    return this.open.has(socket);
  }

  get busyCount(): number {
    return this.open.size - this.idle.size;
  }

  get idleCount(): number {
    return this.idle.size;
  }

  /** Closes those on which nothing is under way, also those that never sent anything. */
  closeIdle(): void {
    for (const socket of this.idle) {
      const connection = this.open.get(socket);
      const hasBegun = connection === undefined || socket.bytesRead > connection.bytesRead;
      const isFresh = socket.bytesRead === 0 && performance.now() - (connection?.idleSince ?? 0) < FRESH_MS;
      if (!hasBegun && !isFresh) socket.destroy();
    }
  }

  private take(socket: Socket): void {
    if (this.open.size >= this.limit && !this.closeLongestIdle() && !this.makeRoom()) {
      this.refused += 1;
      this.refuse(socket);
      return;
    }
    this.open.set(socket, { underWay: 0, idleSince: performance.now(), bytesRead: 0 });
    this.idle.add(socket);
    socket.once('close', () => {
      this.open.delete(socket);
      this.idle.delete(socket);
    });
  }

  private closeLongestIdle(): boolean {
    for (const socket of this.idle) {
      this.closedIdle += 1;
      this.idle.delete(socket); // its 'close' comes later; another may come before
      this.open.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  private begin(socket: Socket): void {
    const connection = this.open.get(socket);
    if (connection === undefined) return;
    connection.underWay += 1;
    this.idle.delete(socket);
  }

  private end(socket: Socket): void {
    const connection = this.open.get(socket);
    if (connection === undefined) return;
    connection.underWay -= 1; // requests may be sent without waiting for answers
    if (connection.underWay > 0) return;
    connection.idleSince = performance.now();
    connection.bytesRead = socket.bytesRead;
    this.idle.add(socket);
  }
}

/** So many connections as are wished, or fewer when the system allows fewer open files. */
export function connectionLimit(wished: number): number {
  return Math.max(Math.min(wished, openFilesLimit() - KEPT_DESCRIPTORS), 10);
}

function openFilesLimit(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity);
  } catch {
    return Infinity; // not Linux: the wish counts
  }
}
