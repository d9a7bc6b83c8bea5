import { DatabaseError, type ErrorDetails } from '../errors.ts';

/** A statement has ended the transaction that it was part of, and somebody wants to go on as if it had not. */
export function transactionEnded(details: Pick<ErrorDetails, 'database' | 'label'> = {}): DatabaseError {
  return new DatabaseError('SQL', 'a statement ended the transaction; nothing of it was written', {
    ...details,
    advice: 'let the error of that statement leave the function instead of catching it',
  });
}
