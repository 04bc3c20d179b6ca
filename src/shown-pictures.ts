/** Pictures as others get them: without their prompts where the admins of a server want that. The store keeps all of it. */
import { withoutPngTexts } from './image/png-text.ts';
import { resolveSettings } from './settings/resolve.ts';
import type { SettingsStore } from './settings/store.ts';
import type { JobStore } from './store/jobs.ts';
import type { PictureStore } from './store/pictures.ts';

interface Sources {
  readonly pictures: Pick<PictureStore, 'get'>;
  readonly jobs: Pick<JobStore, 'ofPicture'>;
  readonly settings: Pick<SettingsStore, 'rules'>;
}

/** For the adapters, which post pictures and serve them for download. */
export const shownPictures = ({ pictures, jobs, settings }: Sources): Pick<PictureStore, 'get'> => ({
  async get(id) {
    const bytes = await pictures.get(id);
    if (bytes === undefined) return undefined;
    const job = await jobs.ofPicture(id);
    const tenant = job?.share?.tenant;
    // What only its asker sees is nobody else's file.
    if (job === undefined || tenant === undefined || job.frame?.isPrivate === true) return bytes;
    const rules = resolveSettings(await settings.rules(tenant), {
      ...{ user: job.user.id, channel: job.channel, roles: [] },
    });
    return rules.get('prompt_in_files')?.value === false ? withoutPngTexts(bytes) : bytes;
  },
});
