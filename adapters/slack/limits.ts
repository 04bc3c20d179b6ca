/** What Slack allows, in one table. Source: Slack's developer documentation of 2026-08. */
export const SLACK_LIMITS = {
  /** Blocks of a message. */
  blocks: 50,
  sectionText: 3000,
  /** Options of an overflow menu. */
  overflow: 5,
  buttonLabel: 75,
  buttonValue: 2000,
  altText: 2000,
  modalTitle: 24,
  modalLabel: 2000,
  privateMetadata: 3000,
  choices: 100,
  choiceLabel: 75,
  inputText: 3000,
  placeholder: 150,
  /** Edits that show progress, of all jobs of a workspace in a minute; Slack gives 50 and more. */
  updatesPerMinute: 40,
} as const;
