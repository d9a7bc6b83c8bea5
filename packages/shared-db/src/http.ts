export { createHealthHandler, type HealthHandler, type HealthHandlerOptions } from './http/health-handler.ts';
export type { Details } from './http/gate.ts';
export { requestSession, type RequestResponse } from './http/request-session.ts';
