// @ts-check
/**
 * What the server sends, see docs/interfaces.md.
 *
 * @typedef {{ id: string, name: string, bot?: boolean }} Author
 * @typedef {Author & { role: 'operator' | 'admin' | 'member', is_named: boolean }} Me
 * @typedef {{ id: string, url: string, width: number, height: number, alt: string, seed?: number, spoiler?: boolean }} Picture `spoiler`: hidden until somebody opens it
 * @typedef {{ code: string, message: string }} Refusal
 * @typedef {'queued' | 'running' | 'done' | 'failed' | 'cancelled'} JobState
 * @typedef {{
 *   id: string, state: JobState, position?: number | null, eta_seconds?: number | null,
 *   step?: number | null, steps?: number | null, count?: number | null, seconds?: number | null, preview?: string | null,
 *   error?: Refusal | null,
 * }} Job `preview` is the URL of a small picture of the current latents; of several pictures (`count`) one of them all
 * @typedef {{
 *   name: string, label: string, required: boolean, kind: 'words' | 'number' | 'choice' | 'picture',
 *   value?: string | number, placeholder?: string, min?: number, max?: number,
 *   choices?: { value: string, label: string }[],
 * }} FormField
 * @typedef {{ title: string, fields: FormField[] }} Form
 * @typedef {{ id: string, label: string, style?: string, form?: Form }} Action
 * @typedef {{ id: string, label: string, picture: Picture }} Cell one picture of a sweep, and the id of the action that opens it
 * @typedef {{ name: string, value: string }} Field
 * @typedef {{
 *   id: string, at: string | number, author: Author, text: string, asker?: { id: string, name: string },
 *   reply_to?: string | null,
 *   pictures: Picture[], cells?: Cell[], job?: Job | null, actions: Action[], footer?: string | null, fields?: Field[],
 *   about?: { origin?: { picture?: number } },
 *   notes?: string[], error?: Refusal | null, private?: boolean, refresh?: string,
 * }} Message `refresh` is the id of an action that brings it up to date
 * @typedef {{
 *   name: string, flag?: string | null, description: string, type: string,
 *   choices?: string[], suggestions?: string[], min?: number, max?: number, required?: boolean, single?: boolean, aliases?: string[],
 * }} CommandOption other values than `suggestions` are allowed as well
 * @typedef {{
 *   name: string, description: string, options: CommandOption[], subcommands?: Command[],
 * }} Command the name of a subcommand begins with its command: `config set`
 * @typedef {{ value: string, note?: string, words?: string[] }} Completion a value of an option, what it is good for, and a LoRA's trigger words
 * @typedef {{ prompt: string, seed?: number, picture?: string, width?: number, height?: number }} Example
 * @typedef {{ commands: Command[], gallery: Example[], words: string[] }} Commands
 */
export {};
