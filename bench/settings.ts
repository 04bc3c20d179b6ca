/** Settings of the benches: the defaults, whatever the environment says. */
import { loadSettings, type Settings } from '../config/settings.ts';

export const benchSettings = (env: Readonly<Record<string, string>> = {}): Settings =>
  loadSettings(env).settings;
