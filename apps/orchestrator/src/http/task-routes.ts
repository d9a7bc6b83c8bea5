import type { FastifyInstance } from 'fastify';
import { Refusal, shown } from '../refusal.ts';
import type { TaskQueue } from '../tasks/queue.ts';
import { parseTaskQuery } from '../tasks/task-query.ts';
import { parseTaskRequest } from '../tasks/task-request.ts';
import { Problem } from './problem.ts';
import { changeDocument, taskDocument } from './task-document.ts';

/** `POST /tasks`, `GET /tasks`, `GET /tasks/:id`, `POST /tasks/:id/cancel`. */
export function addTaskRoutes(app: FastifyInstance, queue: TaskQueue): void {
  app.post('/tasks', async (request, reply) => {
    const { outcome, task } = await queue.submit(parseTaskRequest(request.body, 'body'));
    if (outcome === 'conflict')
      throw new Problem(
        'KEY_CONFLICT',
        `The key ${task.key} belongs to task ${task.id}, which is of another kind or has another payload.`,
      );
    return reply
      .code(outcome === 'created' ? 201 : 200)
      .header('location', `/tasks/${task.id}`)
      .send(taskDocument(task));
  });

  app.get('/tasks', (request, reply) => {
    const filter = parseTaskQuery(request.query, 'query');
    const { before } = filter;
    // An empty list would say that everything has been seen.
    if (before !== undefined && queue.get(before) === undefined)
      throw new Refusal(`query: before must be the id of a task, and there is no task ${shown(before)}`);
    const tasks = queue.list(filter);
    return reply.send({ tasks: tasks.map(taskDocument) });
  });

  app.get<{ Params: { id: string } }>('/tasks/:id', ({ params: { id } }, reply) => {
    const task = queue.get(id);
    if (task === undefined) throw notFound(id);
    return reply.send({ ...taskDocument(task), history: queue.history(id).map(changeDocument) });
  });

  app.post<{ Params: { id: string } }>('/tasks/:id/cancel', async ({ params: { id } }, reply) => {
    const cancellation = await queue.cancel(id);
    if (cancellation === undefined) throw notFound(id);
    const { outcome, task } = cancellation;
    if (outcome === 'over')
      throw new Problem('TASK_OVER', `Task ${id} is ${task.state} and cannot be cancelled any more.`);
    return reply.send(taskDocument(task));
  });
}

function notFound(id: string): Problem {
  return new Problem('TASK_NOT_FOUND', `There is no task ${JSON.stringify(id.slice(0, 64))}.`);
}
