import { describe, expect, test } from 'vitest';
import { mainArchiveOf } from './debian-archive.ts';

describe('the main archive', () => {
  test('is neither security nor updates nor another vendor', () => {
    const targets = [
      'https://packages.example/debian-security/ bookworm-security main',
      'https://vendor.example/apt/ nodistro main',
      'http://mirror.example/debian/ bookworm-updates main',
      'http://mirror.example/debian/ bookworm contrib',
      'http://mirror.example/debian/ bookworm main',
    ];
    expect(mainArchiveOf(targets.join('\n'))).toBe('http://mirror.example/debian/');
  });

  test('is not found on another distribution', () => {
    expect(mainArchiveOf('http://archive.example/ubuntu/ noble main')).toBeUndefined();
  });
});
