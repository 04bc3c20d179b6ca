/** What the commands need of other parts, as types; src/app.ts provides them. */
import type { Found, Membership, PostedCard, SoughtCard } from '../adapters/adapter.ts';
import type { Card } from '../adapters/card.ts';
import type { MentionKind, Platform } from '../adapters/platforms.ts';
import type { ListSource } from '../src/choices/choices.ts';
import type { ErrorWords } from '../src/errors.ts';
import type { JobEvent } from '../src/job.ts';
import type {
  ControlDraft,
  GenerationRequest,
  KnownLoras,
  KnownUpscalers,
  LoraDraft,
  ModelDefaults,
  PromptSyntax,
} from '../src/request.ts';
import type { Words } from '../src/sentences.ts';
import type { SettingsStore } from '../src/settings/store.ts';
import type { RetentionClock } from '../src/store/clock.ts';
import type { GalleryStore } from '../src/store/gallery.ts';
import type { JobRecord, JobStore, SweepFrame } from '../src/store/jobs.ts';
import type { PictureStore } from '../src/store/pictures.ts';
import type { ReviewStore } from '../src/store/reviews.ts';
import type { UsageStore } from '../src/store/usage.ts';

/** How a sweep ends. */
export type SweepEnd =
  | { readonly state: 'done'; readonly pictures: JobRecord['pictures']; readonly notes: readonly Words[] }
  | { readonly state: 'failed'; readonly error: ErrorWords }
  | { readonly state: 'cancelled' };

interface SweepQueuePort {
  /** Whether the pictures of a sweep would be accepted together now. @returns GPU-seconds expected */
  requireRoom(cells: readonly Pick<JobRecord, 'user' | 'share' | 'request'>[]): Promise<number>;
  /** Keeps a sweep until whoever asked starts it. */
  plan(sweep: JobRecord): Promise<void>;
  /**
   * Accepts a sweep's pictures in the order in which they are to be drawn, all or none.
   * @throws DarkroomError as submit(), and ('bad_request') where it was started or dropped already
   */
  start(sweep: JobRecord, cells: readonly JobRecord[]): Promise<void>;
  /** Ends a sweep whose pictures have ended. @returns false where it has ended already */
  finish(id: string, sweep: SweepFrame, end: SweepEnd): Promise<boolean>;
  /**
   * Changes the end of a sweep, since a reviewer has decided about one of its pictures; its message shows it again.
   * @param before ids of the pictures that it had, which are deleted
   * @returns false where it is gone, or another process has changed it
   */
  change(
    id: string,
    before: readonly string[],
    sweep: SweepFrame,
    end: Exclude<SweepEnd, { readonly state: 'cancelled' }>,
  ): Promise<boolean>;
}

export interface QueuePort {
  /**
   * Whether a job like this would be accepted now.
   * @throws DarkroomError as submit()
   */
  requireRoom(job: Pick<JobRecord, 'user' | 'share' | 'request'>): Promise<void>;
  /**
   * Accepts a job: it is stored, and will end, when this resolves.
   * @throws DarkroomError('too_many') where a cap is reached; nothing is stored then
   */
  submit(record: JobRecord): Promise<void>;
  readonly sweeps: SweepQueuePort;
  /** @returns whether there was such a job to cancel; of a sweep, whether there was such a picture */
  cancel(id: string): Promise<boolean>;
  /** The job's present state, then each change, to the final one. */
  watch(id: string): AsyncIterable<JobEvent>;
}

export interface ModelInfo {
  readonly name: string;
  readonly defaults: ModelDefaults;
  /** Requests that show the model at its best. */
  readonly gallery: readonly { readonly prompt: string; readonly seed?: number }[];
  /** What a small model draws, in the words for it; empty for a general one. */
  readonly words: readonly string[];
  /** Every word that a small model was taught, in lower case; empty for a general one. */
  readonly vocabulary: readonly string[];
  /** It edits a picture by an instruction, so that words need not describe the result. */
  readonly editsByInstruction?: boolean;
  /** What it can do: steps, guidance, pictures, LoRAs. */
  readonly abilities?: readonly Words[];
  /** What stands beside its file without effect on it, a sentence each, for the operator. */
  readonly idle?: readonly string[];
  /** Kinds of pictures that its ControlNets follow: `canny`. */
  readonly controls: readonly string[];
  /** Whether its folder has a safety checker, which looks at finished pictures where an admin wants it. */
  readonly hasSafetyChecker?: boolean;
  /** SPDX name or words; undefined where the folder states none. */
  readonly licence?: string;
  /** Whether the licence allows commercial use; undefined where the folder does not say. */
  readonly commercial?: boolean;
}

/** What is known of a file or folder of models, as its inventory has it; texts in it are words of strangers. */
export interface ModelFile {
  readonly name: string;
  readonly kind: string;
  readonly path: string;
  readonly form?: 'file' | 'folder';
  readonly bytes: number;
  readonly family?: string;
  readonly variant?: string;
  readonly predictionType?: string;
  /** How it was distilled to draw in a few steps, where something says so. */
  readonly fewSteps?: string;
  readonly dtype?: string;
  /** Why it cannot be used, as a sentence. */
  readonly refusal?: string;
  readonly title?: string;
  readonly licence?: string;
  /** Whether its files say that it allows commercial use. */
  readonly commercial?: boolean;
  readonly baseModel?: string;
  readonly triggerWords?: readonly string[];
  /** Of a ControlNet: what its pictures show, as far as its name or a file beside it tells. */
  readonly control?: string;
  /** Path of a picture beside it. */
  readonly thumbnail?: string;
  /** Hex; absent until it has been computed. */
  readonly sha256?: string;
  /** Why its name is not the file's own, as a sentence. */
  readonly renamed?: string;
}

/** A model that can be fetched. */
interface OfferedModel {
  /** Of its download. */
  readonly id: string;
  readonly name: string;
  /** What a person should know first, one fact a row. */
  readonly facts: readonly (readonly [name: Words, value: Words])[];
  /**
   * Fetches it; one at a time, the others wait.
   * @param onProgress called with words about what has come
   * @throws DarkroomError
   */
  fetch(onProgress: (words: Words) => void): Promise<void>;
}

export interface DownloadsPort {
  /**
   * @param address as an admin typed it
   * @throws DarkroomError('forbidden') where the operator does not allow it, and what finding it throws
   */
  offer(address: string): Promise<OfferedModel>;
  /** Ends a download that waits or runs; its `fetch` rejects with `cancelled`. @returns false where there is none */
  cancel(id: string): boolean;
}

interface LentFile {
  readonly part: 'vae' | 'text_encoder';
  /** As of a ModelFile: many models take their VAE from another checkpoint. */
  readonly kind: string;
  readonly name: string;
}

export interface ModelsPort {
  /** Everything that lies in the models' folders, as far as it is known. */
  files(): readonly ModelFile[];
  /** Files whose contents are not known yet. */
  unread(): number;
  /** The picture that lies beside a file, as somebody put it there; undefined where it is too large or gone. */
  thumbnail(file: Pick<ModelFile, 'thumbnail'>): Promise<Uint8Array | undefined>;
  /**
   * @param name as typed; the default model where it is absent
   * @throws DarkroomError('not_found') that offers the nearest names
   */
  resolve(name?: string): ModelInfo | Promise<ModelInfo>;
  names(): readonly string[];
  /** Names of the LoRAs that are installed. */
  loraNames(): Promise<readonly string[]>;
  /**
   * The controls with the ControlNets that follow them, and sentences for the user.
   * @param model as resolve() named it
   * @throws DarkroomError where none is here that the model can use
   */
  chooseControlnets(
    model: string,
    controls: readonly ControlDraft[],
  ): Promise<{ readonly controls: readonly ControlDraft[]; readonly notes: readonly Words[] }>;
  /** @throws DarkroomError('not_found') for a LoRA that is not installed, with the nearest names */
  findLoras(asked: readonly LoraDraft[]): Promise<KnownLoras>;
  /** Names of the embeddings that stand in the prompts of a request. Absent where nobody knows the files. */
  embeddingsIn?(request: GenerationRequest): Promise<readonly string[]>;
  /** The files that lend a request's model what its own file lacks, and their kinds. Absent where nobody knows the files. */
  lentTo?(request: Pick<GenerationRequest, 'model' | 'vae'>): Promise<readonly LentFile[]>;
  /**
   * Names of the installed detectors that look at a request's control pictures, as files() has them.
   * @param pictureOf a control picture by its reference
   */
  detectorsIn?(
    request: GenerationRequest,
    pictureOf: (reference: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>,
  ): Promise<readonly string[]>;
  /** Names of the inpainting models of a model's family, where it is none itself. */
  inpaintingOf(name: string): readonly string[];
  /** @throws DarkroomError for an upscaler that is not installed, with the nearest names, or that does not run here */
  findUpscalers(asked: readonly string[]): Promise<KnownUpscalers>;
  /**
   * Whether a model can be drawn with another VAE, by its name. Absent where nobody knows the files.
   * @throws DarkroomError where it is not here, or belongs to other models
   */
  requireVae?(model: string, vae: string): Promise<void>;
  /**
   * Whether some device has the memory for a request; asked before it is queued. Absent where nobody knows the devices.
   * @param isModerated whether something looks at its pictures
   * @throws DarkroomError('too_large') that names the largest size that fits
   */
  requireMemory?(request: GenerationRequest, isModerated: boolean): Promise<void>;
  /** A sentence about the words of a prompt that the model's text encoder does not read; '' where it reads all. */
  describeUnread(model: string, prompt: string, syntax: PromptSyntax): Words | Promise<Words>;
}

/** A picture that its file has lying on its side: a mask may have been painted on it so. */
export interface UnturnedPicture {
  /** Of EXIF. */
  readonly orientation: number;
  readonly width: number;
  readonly height: number;
}

interface UploadedPicture {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** For the user. */
  readonly notes: readonly Words[];
  /** The transparent part, where there is one: its share of the pixels, and as a mask. */
  readonly transparency?: { readonly share: number; readonly mask: Uint8Array };
  /** What the file said about how it was made: `darkroom`, `parameters`. */
  readonly texts: ReadonlyMap<string, string>;
  /** What tells whether it is a copy of a picture that was made here. */
  readonly key?: string;
  /** Set where the picture was turned upright. */
  readonly unturned?: UnturnedPicture;
}

/** Pictures in panels, rows and columns; src/image/labelled-grid.ts says more. */
interface Grid {
  readonly columns: readonly string[];
  readonly rows?: readonly string[];
  readonly panels?: readonly string[];
  readonly cells: readonly { readonly picture?: Uint8Array | undefined; readonly missing?: string }[];
  readonly cell: { readonly width: number; readonly height: number };
  readonly isEdit: boolean;
}

export interface Ports {
  readonly queue: QueuePort;
  readonly models: ModelsPort;
  readonly downloads: DownloadsPort;
  readonly jobs: JobStore;
  readonly pictures: PictureStore;
  readonly settings: SettingsStore;
  /** Finished pictures as they are searched, and stars. */
  readonly gallery: GalleryStore;
  /** Sums of what was used. */
  readonly usage: UsageStore;
  /** A plot as PNG, for platforms that show no SVG; absent where there is nowhere to show it. */
  plotPicture?(svg: string): Promise<Uint8Array>;
  /** The operator's lists of words for prompts. */
  readonly wildcards: ListSource;
  /** The time for retention. */
  readonly clock: RetentionClock;
  /** Users whom the operator lets change settings everywhere, beside the platforms' own admins. */
  readonly admins: readonly string[];
  /**
   * Posts to a channel of a tenant; the channel as an admin named it.
   * @returns undefined where the platform is not connected
   */
  post(platform: Platform, tenant: string, channel: string, card: Card): Promise<PostedCard | undefined>;
  /** As in Adapter; undefined where the platform is not connected too. */
  findPosted(platform: Platform, sought: SoughtCard): Promise<PostedCard | undefined>;
  /** Puts another card in the place of a posted one, or nothing. */
  replace(platform: Platform, posted: PostedCard, card: Card | undefined): Promise<void>;
  /** Deletes the message of a job from its platform; a platform that is not connected keeps it. */
  unpost(job: JobRecord): Promise<void>;
  /** The tenants that a user shares with the bot, where the platform does not name one in a direct message. */
  tenantsOf(platform: Platform, user: string): Promise<readonly Membership[]>;
  /**
   * A channel, role or user of a tenant of a connected platform, by its id or name; the id without the platform's name
   * in front.
   */
  find(platform: Platform, tenant: string, kind: MentionKind, typed: string): Promise<Found | undefined>;
  /** A user's roles in a tenant of a connected platform. */
  rolesOf(platform: Platform, tenant: string, user: string): Promise<readonly string[]>;
  /**
   * Brings an upload into the form that is kept, shown and drawn from: upright, sRGB, opaque, without metadata.
   * @throws DarkroomError('bad_picture' | 'too_large' | 'too_many')
   */
  readUpload(
    bytes: Uint8Array,
    use: 'picture' | 'mask' | 'control',
    turned?: UnturnedPicture,
  ): Promise<UploadedPicture>;
  /** Pixels of a picture in that form. */
  sizeOf(bytes: Uint8Array): { readonly width: number; readonly height: number };
  /** A mask of that size, white in the named part of a picture: `sky`. */
  drawRegion(region: string, size: { readonly width: number; readonly height: number }): Promise<Uint8Array>;
  /** The texts of a picture in the store by keyword. */
  readPictureText(bytes: Uint8Array): ReadonlyMap<string, string>;
  /** Which control pictures can be made of a photo here: `canny`. */
  takenFromPhotos(): readonly string[];
  /** Whether two pictures of the store show exactly the same. */
  arePixelsEqual(one: Uint8Array, other: Uint8Array): Promise<boolean>;
  /** Pictures that wait for a reviewer. */
  readonly reviews: ReviewStore;
  /** Whether the operator has a classifier that looks at the pictures of all models. */
  readonly hasClassifier?: boolean;
  /** Milliseconds after which a picture counts as awaited; some seconds where left out. */
  readonly awaitedMs?: number;
  /** Milliseconds in which a deletion can be undone; some seconds where left out. */
  readonly undoMs?: number;
  /**
   * The pictures of a sweep as one, under their labels.
   * @param longest most pixels of its longer side
   */
  drawGrid(grid: Grid, longest?: number): Promise<Uint8Array>;
  /** Called with errors that are not the user's. */
  readonly onError?: (error: unknown) => void;
}
