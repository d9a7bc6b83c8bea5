import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from './problem.ts';

/** What this machine calls itself, and what the server may be bound to. */
export const LOOPBACK_HOSTS = ['127.0.0.1', '::1', 'localhost'] as const;

const HOST_HEADER = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i;

/**
 * Refuses what a web page could send. A page lured here by a foreign name (DNS rebinding) sends that name as its host; any other
 * page's request carries its origin.
 */
export function refuseWebPages({ host = '', origin }: IncomingHttpHeaders): void {
  const [, literal, name] = HOST_HEADER.exec(host) ?? [];
  const asked = (literal ?? name ?? '').toLowerCase();
  if (!LOOPBACK_HOSTS.some((own) => own === asked))
    throw new Problem('WRONG_HOST', `This is not the host that was asked for; it is ${LOOPBACK_HOSTS.join(', ')}.`);
  if (origin !== undefined) throw new Problem('ORIGIN_REFUSED', 'Requests of web pages are refused.');
}
