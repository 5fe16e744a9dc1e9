import type { Member } from '@zk-recipes/core/recipe-kit';
import { enrol } from '@zk-recipes/core/recipe-kit';
import { describeEveryRequest } from '../stage/every-request.js';

await describeEveryRequest({
  name: 'enrol',
  prepare: ({ subject, path, signal }) => {
    let member: Member | undefined;
    return {
      act: async () => {
        member = await enrol(subject, path, { name: 'lock-', signal });
        return member.path;
      },
      settle: async () => await member?.withdraw(),
    };
  },
});
