import { BY_HAND } from './changes.ts';
import { describeOrigins, inheritedKeys, type DescribedOrigin } from './describe-origins.ts';
import type { ResolvedSettings, SettingOrigin } from './resolved-settings.ts';

/** What decides what a process logs. */
const OF_THE_LOG = /\.(?:log\.level|echo)$/;
const OF_ONE = /^databases\.[^.]+\./;

/**
 * What somebody who looks at a process at night has to know of its settings: all that was changed by hand, and wherever it is from what has it
 * log more or less than it would. What a database has because all have it, or all of its pattern, is said once. Pure.
 */
export function statedSettings(settings: Pick<ResolvedSettings, 'origins' | 'patterns'>): readonly DescribedOrigin[] {
  const inherited = inheritedKeys(settings);
  const origins = new Map(settings.origins.map(({ key, origin }) => [key, origin]));
  const stated = settings.origins.filter((one) => {
    const isRepeated = OF_ONE.test(one.key) && origins.get(one.key.replace(OF_ONE, 'database.')) === one.origin;
    return !inherited.has(one.key) && (isByHand(one) || (isOfTheLog(one) && !isRepeated));
  });
  return describeOrigins({ origins: stated });
}

function isByHand({ origin }: SettingOrigin): boolean {
  return origin.startsWith(BY_HAND);
}

function isOfTheLog({ key, origin }: SettingOrigin): boolean {
  return OF_THE_LOG.test(key) && origin !== 'default';
}
