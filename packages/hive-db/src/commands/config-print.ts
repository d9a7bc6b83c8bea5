import { describeOrigins, inheritedKeys, type ChosenProfile, type DescribedOrigin } from '@hive/shared-db/config';
import type { ConfigDocument } from '../documents/config.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Invocation } from '../invocation.ts';
import { settingsHere, type SettingsRequest } from '../settings.ts';
import { printDocument } from '../render/json.ts';

export interface PrintRequest extends SettingsRequest {
  /** Whether to say where each value comes from. */
  readonly origin: boolean;
}

/** The settings that a process started here would get from the settings file and the environment. */
export async function configPrint(invocation: Invocation, request: PrintRequest): Promise<ExitCode> {
  const { io, json, paint, width } = invocation;
  const settings = settingsHere(io, request);
  // What a database has because all have it is said once; of one that is asked for all is said that is not said of all.
  const patterns = Object.fromEntries(
    Object.entries(settings.patterns).filter(([name]) => !request.databases.includes(name)),
  );
  const inherited = inheritedKeys({ ...settings, patterns });
  const origins = settings.origins.filter(({ key }) => !inherited.has(key));
  const described = describeOrigins({ origins });
  const { profile } = settings;
  if (json) {
    const document: ConfigDocument = {
      schema: 'hive-db/config-print/v1',
      profile: profile === undefined ? null : { name: profile.name, origin: profile.origin },
      settings: origins.map(({ key, value = null, unit = null, origin }, index) => ({
        key,
        value: described[index]?.value === '***' ? '***' : value,
        unit,
        origin,
      })),
    };
    printDocument(io.stdout, document);
  } else {
    const { configText } = await import('../render/config-text.ts');
    // In a pipe nothing is cut: there a value is for copying.
    io.stdout.write(
      configText([...profileRow(profile), ...described], request.origin, paint, io.isTTY ? width : Infinity),
    );
  }
  return EXIT.fine;
}

/** The profile in force as the first of the settings; nothing where there is none. */
function profileRow(profile: ChosenProfile | undefined): readonly DescribedOrigin[] {
  return profile === undefined ? [] : [{ key: 'profile', value: profile.name, origin: profile.origin }];
}
