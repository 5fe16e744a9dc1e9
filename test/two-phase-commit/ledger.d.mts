import type { ClientBase } from 'pg';

export interface TransferPayload {
  readonly transfer: number;
  readonly bookings: Readonly<Record<string, { readonly account: string; readonly amount: number }>>;
}

export const createTables: string;
export function book(client: ClientBase, payload: TransferPayload, participant: string): Promise<void>;
