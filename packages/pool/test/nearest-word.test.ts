import { describe, expect, it } from 'vitest';
// By itself: no two options of a pool are equally near to a word that somebody would write.
import { nearestWord } from '../dist/nearest-word.js';

describe('the nearest word', () => {
  it('is the first of those that are equally near', () => {
    expect(nearestWord('bat', ['cat', 'hat', 'rat'])).toBe('cat');
    expect(nearestWord('bat', ['rat', 'hat', 'cat'])).toBe('rat');
    expect(nearestWord('bat', ['house', 'rat', 'cat', 'bath'])).toBe('rat');
    expect(nearestWord('MAX_SIZE', ['maxSize', 'max_size'])).toBe('maxSize');
  });

  it('leaves the words in their order', () => {
    const words = Object.freeze(['house', 'bat']);
    expect(nearestWord('bat', words)).toBe('bat');
    expect(words).toEqual(['house', 'bat']);
  });

  it('is none where there are none', () => {
    expect(nearestWord('bat', [])).toBe('');
  });
});
