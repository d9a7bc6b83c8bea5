export { createHealthHandler, type HealthHandler, type HealthHandlerOptions } from './http/health-handler.ts';
export type { Details } from './http/gate.ts';
