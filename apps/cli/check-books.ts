import { readSettings, type Settings, SettingsModule } from '@interlock/config';
import {
  CannotCompare,
  CheckLedger,
  type Comparison,
  type LedgerCheck,
  OrdersModule,
  VenueComparison,
} from '@interlock/orders';
import { PersistenceModule } from '@interlock/persistence';
import { Venues, VenueUnreachable } from '@interlock/venues';
import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { CommandBus, CqrsModule, QueryBus } from '@nestjs/cqrs';
import { NestFactory } from '@nestjs/core';
import { acceptCash, type AcceptedCash } from './accept-cash.js';

/** What became of one venue's comparison. */
export type ComparedVenue =
  | ({ readonly kind: 'compared' } & Comparison)
  /** The reason is for people. */
  | { readonly kind: 'failed'; readonly venue: string; readonly reason: string };

@Module({})
class BooksModule {
  static forRoot(settings: Settings): DynamicModule {
    return {
      module: BooksModule,
      imports: [
        SettingsModule.forRoot(settings),
        CqrsModule.forRoot(),
        PersistenceModule.forRoot('interlock-books'),
        OrdersModule,
      ],
    };
  }
}

/** Names of the venues that are configured. */
export function venueNames(databaseUrl: string): Promise<readonly string[]> {
  return withBooks(databaseUrl, (books) => Promise.resolve(books.get(Venues).names()));
}

/** Compares the ledger with venues; changes nothing. The order is that of the names. */
export function compareVenues(databaseUrl: string, names: readonly string[]): Promise<ComparedVenue[]> {
  return withBooks(databaseUrl, (books) => Promise.all(names.map((name) => compareVenue(books, name))));
}

/** A comparison, what was done about its difference in cash, and the comparison after that. */
export interface Acceptance {
  readonly before: ComparedVenue;
  /** Absent when it could not be compared. */
  readonly accepted?: AcceptedCash;
  /** Only when something was booked. */
  readonly after?: ComparedVenue;
}

/** Compares the ledger with a venue and books what cash differs by; changes nothing else. */
export function acceptCashOf(
  databaseUrl: string,
  name: string,
  why: { readonly reason: string; readonly by: string },
): Promise<Acceptance> {
  return withBooks(databaseUrl, async (books) => {
    const before = await compareVenue(books, name);
    if (before.kind === 'failed') return { before };
    const accepted = await acceptCash(books.get(CommandBus), before, why);
    return accepted.kind === 'booked'
      ? { before, accepted, after: await compareVenue(books, name) }
      : { before, accepted };
  });
}

/** Rebuilds the books from the journal and compares; changes nothing. */
export function checkLedger(
  databaseUrl: string,
  onProgress: (done: number, total: number) => void,
): Promise<LedgerCheck> {
  return withBooks(databaseUrl, (books) => books.get(QueryBus).execute(new CheckLedger(onProgress)));
}

async function compareVenue(books: INestApplicationContext, name: string): Promise<ComparedVenue> {
  try {
    return { kind: 'compared', ...(await books.get(VenueComparison).compare(books.get(Venues).get(name))) };
  } catch (error) {
    if (!(error instanceof VenueUnreachable || error instanceof CannotCompare)) throw error;
    return { kind: 'failed', venue: name, reason: error.message };
  }
}

async function withBooks<T>(databaseUrl: string, work: (books: INestApplicationContext) => Promise<T>): Promise<T> {
  const settings = readSettings().withDatabaseUrl(databaseUrl);
  const books = await NestFactory.createApplicationContext(BooksModule.forRoot(settings), {
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  try {
    return await work(books);
  } finally {
    await books.close();
  }
}
