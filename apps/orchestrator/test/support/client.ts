import { until } from './until.ts';

/** A task as the server shows it. */
export interface TaskDocument {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly attempts: number;
  readonly worker: string | null;
  readonly payload: unknown;
  readonly result: unknown;
  readonly error: string | null;
  readonly leaseUntil: string | null;
  readonly history: readonly { readonly from: string | null; readonly to: string; readonly worker: string | null }[];
}

/** What a request to the server gives. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

export function post(url: string, body: unknown): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  return ask(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** Submits a task and returns its id. */
export async function submitTo(server: string, request: object): Promise<string> {
  const { status, body } = await post(`${server}/tasks`, request);
  if (status !== 201) throw new Error(`the task was not taken: ${JSON.stringify(body)}`);
  return (body as TaskDocument).id;
}

/** The task, once it is in one of these states. */
export function taskWhen(server: string, id: string, ...states: readonly string[]): Promise<TaskDocument> {
  return until(`task ${id} is ${states.join(' or ')}`, async () => {
    const { body } = await ask(`${server}/tasks/${id}`);
    const task = body as TaskDocument;
    return states.includes(task.state) ? task : undefined;
  });
}
