/** Signals of other realms, such as that of a simulated browser, by one of ours that follows each. */
const followers = new WeakMap<AbortSignal, AbortSignal>();

/** Aborts when either does, with its reason; at once when one has. Takes signals of other realms, which the platform does not. */
export function eitherSignal(callers: AbortSignal, own: AbortSignal): AbortSignal {
  return AbortSignal.any([callers instanceof AbortSignal ? callers : followerOf(callers), own]);
}

/** One for all calls that are given the same signal: it may live as long as the process. */
function followerOf(signal: AbortSignal): AbortSignal {
  const known = followers.get(signal);
  if (known !== undefined) return known;
  const controller = new AbortController();
  const follow = (): void => {
    controller.abort(signal.reason);
  };
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  followers.set(signal, controller.signal);
  return controller.signal;
}
