import type { FastifyInstance } from 'fastify';
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
    const tasks = queue.list(parseTaskQuery(request.query, 'query'));
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
