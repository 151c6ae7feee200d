import { assert, base64String, oneof, property, string, stringMatching, uuid } from 'fast-check';
import { cursorOf, idOfCursor } from './cursor.js';

describe('cursors', () => {
  it('carry an id there and back', () => {
    assert(property(uuid(), (id) => expect(idOfCursor(cursorOf(id))).toBe(id)));
  });

  it('are the only texts that are taken for one', () => {
    assert(
      property(oneof(string(), base64String(), stringMatching(/^[A-Za-z0-9_-]{22}$/)), (text) => {
        const id = idOfCursor(text);
        expect(id === undefined || cursorOf(id) === text).toBe(true);
      }),
    );
  });
});
