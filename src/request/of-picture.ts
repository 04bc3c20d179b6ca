/** The request of one picture of several. */
import type { GenerationRequest } from './fields.ts';
import { LIMITS } from './limits.ts';

/** The seed of a picture: each has the next one. @param index from 0 */
export const seedOfPicture = ({ seed }: Pick<GenerationRequest, 'seed'>, index: number): number =>
  (seed + index) % (LIMITS.seed.max + 1);

/** The request with the words that the seed of one of its pictures has drawn. @param index from 0 */
export function inWordsOf(request: GenerationRequest, index: number): GenerationRequest {
  const { pictureWords, ...rest } = request;
  const own = pictureWords?.[index];
  if (own === undefined) return request;
  return Object.freeze({
    ...rest,
    ...(own.prompt !== undefined && { prompt: own.prompt }),
    ...(own.prompt_2 !== undefined && { prompt2: own.prompt_2 }),
    ...(own.prompt_3 !== undefined && { prompt3: own.prompt_3 }),
    ...(own.negative_prompt !== undefined && { negativePrompt: own.negative_prompt }),
    ...(own.negative_prompt_2 !== undefined && { negativePrompt2: own.negative_prompt_2 }),
    ...(own.negative_prompt_3 !== undefined && { negativePrompt3: own.negative_prompt_3 }),
  });
}

/** A request that makes one of the pictures. @param index from 0 */
export const ofPicture = (request: GenerationRequest, index: number): GenerationRequest =>
  Object.freeze({ ...inWordsOf(request, index), seed: seedOfPicture(request, index), numImages: 1 });
