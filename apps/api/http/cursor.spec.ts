import fc from 'fast-check';
import { cursorOf, idOfCursor } from './cursor.js';

describe('cursors', () => {
  it('carry an id there and back', () => {
    fc.assert(fc.property(fc.uuid(), (id) => expect(idOfCursor(cursorOf(id))).toBe(id)));
  });

  it('are the only texts that are taken for one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[A-Za-z0-9_-]{22}$/)), (text) => {
        const id = idOfCursor(text);
        expect(id === undefined || cursorOf(id) === text).toBe(true);
      }),
    );
  });
});
