/** Commander's words as one sentence: `unknown option '--jsn' (did you mean --json?)`. */
export function complaint(text: string): string {
  const sentence = text
    .trim()
    .replace(/^error: /, '')
    .replace('. Expected ', ': expected ')
    .replace(/\. Allowed choices are (.*)\.$/, ': expected one of $1')
    .replace(/\s*\n\(Did you mean (.*)\?\)$/, ' (did you mean $1?)');
  return sentence.includes('did you mean') ? sentence : `${sentence.replace(/\.$/, '')}; see --help`;
}
