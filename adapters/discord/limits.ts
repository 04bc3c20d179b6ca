import { PermissionFlagsBits } from 'discord.js';

/** What Discord allows, in one table. Source: Discord's developer documentation of 2026-08. */
export const DISCORD_LIMITS = {
  /** Characters of all text displays of one message. */
  text: 4000,
  buttonLabel: 80,
  customId: 100,
  components: 40,
  /** Pictures of one gallery. */
  gallery: 10,
  altText: 1024,
  /** Options of one command, choices of one option, answers of one autocompletion. */
  options: 25,
  choices: 25,
  choiceName: 100,
  description: 100,
  /** A modal. */
  modalTitle: 45,
  modalFields: 5,
  modalLabel: 45,
  modalText: 4000,
  threadName: 100,
  /** Bytes of a file where the interaction names no other limit. */
  fileBytes: 10 * 1024 * 1024,
  /** Milliseconds after which the interaction's token is no longer relied on; it dies after 15 minutes. */
  tokenMs: 14 * 60 * 1000,
} as const;

/** What the invite link of docs/discord.md asks for, and nothing more: 309237746688. */
export const BOT_PERMISSIONS = [
  PermissionFlagsBits.ViewChannel,
  PermissionFlagsBits.SendMessages,
  PermissionFlagsBits.SendMessagesInThreads,
  PermissionFlagsBits.CreatePublicThreads,
  PermissionFlagsBits.AttachFiles,
  PermissionFlagsBits.ReadMessageHistory,
];

/** The base as discord.js takes it: it adds the version itself. */
export const restBase = (url: string) => url.replace(/(\/v\d+)?\/*$/, '');
