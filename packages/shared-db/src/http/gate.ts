import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { DatabaseError } from '../errors.ts';

/** Names of this machine for itself. A browser that was lured here by a foreign name (DNS rebinding) sends that name instead. */
export const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '::1'];

const HOST_HEADER = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/;

/** Who sees more than the bare status: nobody, who has the token, everybody. */
export type Details = 'never' | 'when-authorized' | 'always';

export interface GateOptions {
  readonly details?: Details | undefined;
  readonly token?: string | undefined;
  readonly allowedHosts?: readonly string[] | undefined;
}

/** A request that is turned away before anything is looked at. */
export interface Refusal {
  readonly status: 403 | 405 | 421;
  readonly text: string;
}

/** Decides who may ask, and who may see details. */
export interface Gate {
  refusal(request: IncomingMessage): Refusal | undefined;
  showsDetails(request: IncomingMessage): boolean;
}

/** Throws `CONFIG` where details need a token and there is none, or a host is no host name. */
export function createGate({ details = 'never', token, allowedHosts = LOOPBACK_HOSTS }: GateOptions): Gate {
  const hosts = new Set(allowedHosts.map(hostName));
  const secret = token === undefined ? undefined : digest(token);
  if (token === '') throw new DatabaseError('CONFIG', 'the token of the health handler is empty');
  if (details === 'when-authorized' && secret === undefined)
    throw new DatabaseError('CONFIG', 'the health handler shows details when authorized and has no token', {
      advice: 'give it a token, or leave details out',
    });

  return {
    refusal({ method = '', headers }) {
      if (!hosts.has(requestedHost(headers.host)))
        return { status: 421, text: 'This is not the host that was asked for' };
      // Only browsers send it, on behalf of a page: pages have no business here.
      if (headers.origin !== undefined) return { status: 403, text: 'Requests of web pages are refused' };
      if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'Only GET and HEAD' };
      return undefined;
    },
    showsDetails({ headers }) {
      if (details !== 'when-authorized') return details === 'always';
      const [, given] = /^Bearer +([^ ]+) *$/i.exec(headers.authorization ?? '') ?? [];
      return secret !== undefined && given !== undefined && timingSafeEqual(digest(given), secret);
    },
  };
}

function requestedHost(header = ''): string {
  const [, literal, name] = HOST_HEADER.exec(header.toLowerCase()) ?? [];
  return literal ?? name ?? '';
}

function hostName(allowed: string): string {
  const name = allowed.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (isIPv6(name) || /^[a-z0-9._-]+$/.test(name)) return name;
  throw new DatabaseError('CONFIG', `the health handler was given the host ${JSON.stringify(allowed)}`, {
    advice: 'give a host name or an address, without scheme and port',
  });
}

/** Digests have one length, so comparing them tells nothing about the length of the secret either. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
