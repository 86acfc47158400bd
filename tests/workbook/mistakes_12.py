"""Typical mistakes with the pieces of the lesson on MViTv2, and answers to its exercises."""
from harness import source

# piece, what stands in the solution, what the mistake makes of it, what the message must say (a regular expression)
ROWS = 'return (i - j + (k - 1) * step_k).long()'
MISTAKES = [('relative_rows', ROWS, f'return {new}', said) for new, said in [
    ('(j - i + (q - 1) * step_q).long()', 'distance is turned round'),
    ('(j - i + (k - 1) * step_k).long()', 'distance is turned round'),
    ('(i - j).long()', 'last term, .*, is missing'),
    ('(i - j + k - 1).long()', 'last term counts single keys'),
    ('(i - j + k * step_k).long()', 'last term is .* not b·n_K'),
    ('(i - j + (k - 1) * step_k)', 'expected numbers of type torch.int64, got torch.float32'),
    ('(i - j + (k - 1) * step_k).round().long()', 'fraction was rounded'),
    ('(i - j + (k - 1) * step_k).long().T', 'keys come first'),
    ('(i - j + (k - 1) * step_k).long().flatten()', 'This is a list'),
    ('(i - j / step_k + k - 1).long()', 'b is missing'),
    ('(i / step_q - j + (k - 1) * step_k).long()', 'a is missing'),
    ('(i - j + (k - 1) * step_k).long().cpu()', 'your line|not on the one'),
    ('(i - j + (k - 1) * step_k).floor().long()', 'so one is −1, the last of the table'),
    ('((i - j + (k - 1) * step_k) // 1).long()', 'so one is −1, the last of the table'),
    ('(i.long() - j.long() + int((k - 1) * step_k)).long()', 'left off too early, of each term'),
    ('(i.long() - j.long() + (k - 1) * step_k).long()', 'left off too early, of each term'),
    ('(torch.arange(q, device=device).double()[:, None] * step_q - torch.arange(k, device=device).double() * step_k + (k - 1) * step_k).long()', 'in float64'),
    ('(i + ((k - 1) * step_k - j)).long()', 'in another order.*here it was a·i'),
    ('(i + (k - 1) * step_k - j).long()', 'in another order.*here it was .a·i'),
    ('(i + step_k * (k - 1 - torch.arange(k, device=device))).long()', r'in another order.*n_K − 1 − j'),
]]
MISTAKES += [
    ('relative_rows', 'max(k / q, 1.0), max(q / k, 1.0)', 'k / q, q / k', 'a and b are at least 1'),
    ('relative_rows', 'max(k / q, 1.0), max(q / k, 1.0)', 'torch.tensor(max(k / q, 1.0)), torch.tensor(max(q / k, 1.0))', 'numbers of Python'),
    ('relative_rows', 'max(k / q, 1.0), max(q / k, 1.0)', 'max(q / k, 1.0), max(k / q, 1.0)', 'A and b are swapped'),
    ('relative_rows', 'max(k / q, 1.0), max(q / k, 1.0)', 'max(k // q, 1), max(q // k, 1)', 'rounded down before'),
]

READ = 'return table[relative_rows(q, k, table.device)]'
STRETCH = "table = F.interpolate(table.T[None], rows, mode='linear')[0].T  # (rows, d)"
MISTAKES += [('axis_vectors', READ, f'return {new}', said) for new, said in [
    ('table[relative_rows(q, k, table.device)].transpose(0, 1)', 'keys come first'),
    ('table[relative_rows(q, k, table.device)].permute(2, 0, 1)', 'channels are not the last axis'),
    ('table', 'This is the table'),
    ('relative_rows(q, k, table.device)', 'row number is not yet a vector'),
    ('table.flip(0)[relative_rows(q, k, table.device)]', 'from the end of the table'),
    ('table[relative_rows(k, q, table.device)].transpose(0, 1)', 'Queries and keys changed places'),
    ('table.detach()[relative_rows(q, k, table.device)]', 'no gradient reaches the table'),
    ('table[relative_rows(q, k, table.device)].squeeze()', r'expected the shape .* = \(1, 1, 3\)'),
    ('table.float()[relative_rows(q, k, table.device)]', 'bfloat16 came in, and torch.float32 came out'),
]]
MISTAKES += [('axis_vectors', READ, f'{new}\n    {READ}', said) for new, said in [
    ('table.mul_(2); table = table / 2', 'input was changed'),
    ('table = table.data', 'no gradient reaches the table'),
]]
MISTAKES += [('axis_vectors', STRETCH, new, said) for new, said in [
    ("table = F.interpolate(table.T[None], rows, mode='nearest')[0].T", 'nearest rows were taken'),
    ("table = F.interpolate(table.T[None], rows, mode='linear', align_corners=True)[0].T", 'from its first to its last row'),
    ('table = torch.cat([table, table[:1].expand(rows, -1)])[:rows]', 'not stretched but cut'),
    ('pass', 'your line `return table.*IndexError|is wrong|are wrong'),
    ("table.data = F.interpolate(table.T[None], rows, mode='linear')[0].T", 'input was changed'),
    ("table = F.interpolate(table.detach().T[None], rows, mode='linear')[0].T", 'no gradient reaches the table'),
]]

# The solution calls the library; a learner writes attention out, and errs there.
CALL = '''        tables = self.t, self.h, self.w
        return relative_attention(q, k, v, tables, thw_q, thw_k)'''
WRITTEN = '''        scores = q @ k.mT / math.sqrt(q.shape[-1])
        cls_q = q.shape[2] - math.prod(thw_q)
        cls_k = k.shape[2] - math.prod(thw_k)
        here, there = (torch.cartesian_prod(*map(torch.arange, thw)) for thw in (thw_q, thw_k))
        for axis, table in enumerate((self.t, self.h, self.w)):
            if table is None: continue
            R = axis_vectors(table, thw_q[axis], thw_k[axis])
            R = R[here[:, None, axis], there[:, axis]]
            scores[:, :, cls_q:, cls_k:] += torch.einsum('bhid,ijd->bhij', q[:, :, cls_q:], R)
        return scores.softmax(-1) @ v'''
EINSUM = "+= torch.einsum('bhid,ijd->bhij', q[:, :, cls_q:], R)"


def spelled(old, new):
    """The attention that a learner writes, with one mistake."""
    assert WRITTEN.count(old) == 1, old
    return WRITTEN.replace(old, new)


MISTAKES += [('RelativePositions.forward', CALL, new, said) for new, said in [
    (spelled('axis_vectors(table, thw_q[axis], thw_k[axis])', 'axis_vectors(table.flip(0), thw_q[axis], thw_k[axis])'), 'distances are turned round'),
    (spelled('(self.t, self.h, self.w)', '(self.t, self.w, self.h)'), 'height and width are swapped'),
    (spelled('(self.t, self.h, self.w)', '(self.h,)'), 'table of [HW] is not used|E_rel is missing'),
    (spelled(EINSUM, EINSUM + ' / math.sqrt(q.shape[-1])'), 'divided by √d too'),
    (spelled(EINSUM, EINSUM.replace('+=', '-=')), 'E_rel was subtracted'),
    (spelled(' / math.sqrt(q.shape[-1])', ''), 'not divided by √d'),
    (spelled('math.sqrt(q.shape[-1])', 'math.sqrt(q.shape[-1] * q.shape[1])'), 'it is √d'),
    (spelled(EINSUM, '+= 0'), 'E_rel is missing'),
    (spelled('table is None:', 'axis == 0 or table is None:'), 'table of T is not used'),
    (spelled('scores[:, :, cls_q:, cls_k:]', 'scores[:, :, :len(here), :len(there)]'), 'taken for the last token'),
    (spelled(EINSUM, EINSUM + '\n            if cls_q: scores[:, :, 0, cls_k:] += torch.einsum(\'bhd,jd->bhj\', q[:, :, 1], R[0])'), 'as a query, gets E_rel too'),
    (spelled('            if table is None: continue\n', ''), 'your line .*NoneType'),
    (spelled('if table is None:', 'if table is self.t and table is None:'), 'your line .*NoneType'),
    (spelled('if table is None:', 'if table is None and axis != 1:'), 'your line .*NoneType'),
    (spelled('if table is None:', 'if table is None and axis != 2:'), 'your line .*NoneType'),
    (spelled('math.sqrt(q.shape[-1])', 'math.sqrt(4)'), 'are wrong'),
    (spelled(EINSUM, EINSUM.replace('R)', 'R).detach()')), 'gradient does not reach Q'),
    (spelled('axis_vectors(table,', 'axis_vectors(table.detach(),'), 'no gradient reaches `self'),
    (spelled('axis_vectors(table,', 'axis_vectors(table.detach() if axis == 1 else table,'), 'no gradient reaches `self.h`'),
    (spelled('scores = q @', 'scores = q.detach() @'), 'gradient does not reach Q'),
    (spelled(EINSUM, EINSUM.replace('q[:', 'q.detach()[:')), 'gradient does not reach Q'),
    (spelled('softmax(-1) @ v', 'softmax(-1).detach() @ v'), 'gradient reaches Q'),
    (spelled('softmax(-1) @ v', 'softmax(-1) @ v.detach()'), 'gradient reaches V'),
    (spelled('scores = q @ k.mT', 'scores = q.float() @ k.float().mT'), 'bfloat16 it ends in|float32 came out'),
    (spelled('softmax(-1) @ v', 'float().softmax(-1) @ v.float()'), 'float32 came out'),
    (spelled('if table is None:', 'if table is None or not self.training:'), 'in evaluation: .* are wrong'),
    (spelled('if table is None:', 'if table is None or self.training:'), 'E_rel is missing'),
    (spelled('        scores = q @ k.mT / math.sqrt(q.shape[-1])\n', '        q *= q.shape[-1] ** -0.5\n        scores = q @ k.mT\n')
     .replace('q[:, :, cls_q:], R)', 'q[:, :, cls_q:] * q.shape[-1] ** 0.5, R)'), 'input was changed'),
    (spelled('        return', '        if len(q) == 1: return (scores.softmax(-1) @ v)[0]\n        return'), 'expected the shape'),
    (spelled('        return', '        self.t = None\n        return'), '`self.t` was changed'),
]]

MISTAKES += [
    ('add_queries', "if residual == 'none': return x\n", "if residual == 'none': pass\n", 'Something was added to all but one'),
    ('add_queries', "if residual == 'with_cls': return x + q\n", "\n", 'class token got nothing, here it is to get its query'),
    ('add_queries', 'cls = x.shape[2] - math.prod(thw)', 'cls = 0', 'class token got its query too'),
    ('add_queries', 'cls = x.shape[2] - math.prod(thw)', 'cls = 1', 'it is no class token'),
    ('add_queries', 'return torch.cat([x[:, :, :cls], x[:, :, cls:] + q[:, :, cls:]], 2)', 'return x[:, :, cls:] + q[:, :, cls:]', 'Tokens are gone'),
    ('add_queries', '[x[:, :, :cls], x[:, :, cls:] + q[:, :, cls:]], 2', '[x[:, :, cls:] + q[:, :, cls:], x[:, :, :cls]], 2', 'are wrong'),
    ('add_queries', '[x[:, :, :cls], x[:, :, cls:] + q[:, :, cls:]], 2', '[x[:, :cls], x[:, cls:] + q[:, cls:]], 1', 'first head was left out'),
    ('add_queries', '[x[:, :, :cls], x[:, :, cls:] + q[:, :, cls:]], 2', '[x[:, :, :cls] + q[:, :, :cls], x[:, :, cls:]], 2', 'nly the class token got its query'),
    ('add_queries', '[x[:, :, :cls], x[:, :, cls:] + q[:, :, cls:]], 2', '[x[:, :, :-1] + q[:, :, :-1], x[:, :, -1:]], 2', 'last token was left out'),
    ('add_queries', 'return x + q\n', 'return x - q\n', 'queries were subtracted'),
    ('add_queries', 'return x + q\n', 'x += q; return x\n', 'input was changed'),
    ('add_queries', 'return x + q\n', 'q += x; return q\n', 'input was changed'),
    ('add_queries', 'return x + q\n', 'return x + q.detach()\n', 'no gradient reaches the queries'),
    ('add_queries', 'return x + q\n', 'return x.detach() + q\n', 'no gradient reaches x'),
    ('add_queries', 'return x + q\n', 'return (x + q).float()\n', 'float32 came out'),
    ('add_queries', 'return x + q\n', 'return (x + q).squeeze(0)\n', 'expected the shape'),
    ('add_queries', "if residual == 'none': return x\n", "if residual == 'none': return x.data\n", 'no gradient reaches x'),
    ('add_queries', 'return torch.cat([x[:, :, :cls], x[:, :, cls:] + q[:, :, cls:]], 2)', 'q[:, :, :cls] = 0\n    return x + q', 'input was changed'),
    ('add_queries', 'return torch.cat([x[:, :, :cls], x[:, :, cls:] + q[:, :, cls:]], 2)',
     'with torch.no_grad(): return torch.cat([x[:, :, :cls], x[:, :, cls:] + q[:, :, cls:]], 2)', 'no gradient reaches x'),
    ('add_queries', 'x[:, :, cls:] + q[:, :, cls:]', 'x[:, :, cls:] + q.detach()[:, :, cls:]', 'no gradient reaches the queries'),
]

JOIN = 'return self.proj(x.transpose(1, 2).flatten(2)), thw_q'
ADD = 'x = add_queries(x, q, thw_q, self.residual)'
GRID = 'thw_k = pooled_thw(thw, pool.kernel, pool.stride)'
MISTAKES += [('PoolingAttentionV2.forward', JOIN, f'return {new}', said) for new, said in [
    ('x.transpose(1, 2).flatten(2), thw_q', 'self.proj`, the last layer, is missing'),
    ('self.proj(x.transpose(1, 2).flatten(2)), thw', 'the grid before pooling'),
    ('self.proj(x.transpose(1, 2).flatten(2))', 'expected two things'),
    ('self.proj(x.reshape(len(x), -1, self.proj.in_features)), thw_q', 'joined in the wrong order'),
    ('self.proj(x.permute(0, 2, 3, 1).flatten(2)), thw_q', 'channels of the heads were mixed up'),
    ('x.transpose(1, 2), thw_q', 'heads are apart still'),
    ('self.proj(x.transpose(1, 2).flatten(2).detach()), thw_q', 'no gradient reaches the tokens'),
    ('self.proj(x.transpose(1, 2).flatten(2)).float(), thw_q', 'float32 came out'),
    ('self.proj(x.transpose(1, 2).flatten(2)).squeeze(0), thw_q', 'of one sample'),
]]
MISTAKES += [('PoolingAttentionV2.forward', ADD, new, said) for new, said in [
    ('pass', 'Q is missing'),
    ("x = add_queries(x, q, thw_q, 'without_cls')", "to all but the class token, but .*'none'"),
    ('x = x + q', "Q was added to the output, but .*'none'"),
    ("x = x + q if self.residual != 'none' else x", "the class token too, but .*'without_cls'"),
    ("x = add_queries(x, q.detach(), thw_q, self.residual)", 'part of the gradient does not reach'),
    ("x = add_queries(x.detach(), q, thw_q, self.residual)", 'gradient'),
    ("if not self.training: x = add_queries(x, q, thw_q, self.residual)", 'in training: .*Q is missing|in training: .* are wrong'),
    ("if self.training: x = add_queries(x, q, thw_q, self.residual)", 'Q is missing'),
    ("self.residual, x = 'none', add_queries(x, q, thw_q, self.residual)", '`self.residual` was changed|Q is missing'),
    ("x = add_queries(x, k, thw_q, self.residual)", 'K was added in the place of Q'),
    ("x = add_queries(x, v, thw_q, self.residual)", 'V was added in the place of Q'),
    ("if self.residual != 'none': return self.proj(x.transpose(1, 2).flatten(2)) + q.transpose(1, 2).flatten(2), thw_q", 'Q was added after `self.proj`'),
]]
MISTAKES += [
    ('PoolingAttentionV2.forward', GRID, 'thw_k = thw', 'K lies on its own grid'),
    ('PoolingAttentionV2.forward', GRID, 'thw_k = thw_q', 'K lies on its own grid'),
    ('PoolingAttentionV2.forward', GRID, 'thw_k = tuple(n // s for n, s in zip(thw, pool.stride))', 'K lies on its own grid'),
    ('PoolingAttentionV2.forward', 'self.rel_pos(q, k, v, thw_q, thw_k)', 'self.rel_pos(q, k, v, thw, thw_k)', 'Q lies on its own grid'),
    ('PoolingAttentionV2.forward', 'if self.rel_pos:', 'if False:', 'relative positions are missing'),
    ('PoolingAttentionV2.forward', 'self.rel_pos(q, k, v, thw_q, thw_k)', 'self.rel_pos(q / math.sqrt(q.shape[-1]), 2 * k, v, thw_q, thw_k)',
     'E_rel was divided by √d too'),
    ('PoolingAttentionV2.forward', 'x = dot_product_attention(q, k, v)', 'x = (q @ k.mT / math.sqrt(self.proj.in_features)).softmax(-1) @ v', 'divided by √D'),
]
# The unpooled queries are added: two places of the solution.
BODY = source('12', 'PoolingAttentionV2.forward').partition('"Tokens (B, N, D) → tokens (B, N_Q, D_out), the grid of Q."\n')[2]
UNPOOLED = BODY.replace('= self.qkv_heads(x, thw)', """= self.qkv_heads(x, thw)
        raw = self.qkv(x).chunk(3, -1)[0].unflatten(-1, (self.num_heads, -1)).transpose(1, 2)""").replace(
            'add_queries(x, q, ', 'add_queries(x, raw if raw.shape == q.shape else q, ')
MISTAKES.append(('PoolingAttentionV2.forward', BODY, UNPOOLED, 'as it was before it was pooled'))

# Right in other words.
ALSO_RIGHT = [
    ('RelativePositions.forward', CALL, WRITTEN),
    ('add_queries', '''    cls = x.shape[2] - math.prod(thw)
    return torch.cat([x[:, :, :cls], x[:, :, cls:] + q[:, :, cls:]], 2)''', '''    x = x.clone()
    L = math.prod(thw)
    x[:, :, -L:] += q[:, :, -L:]
    return x'''),
]

# exercise: (right answers, wrong answers with what the message must say)
ANSWERS = {
    1: ([(False, 1), [False, 1]],
        [((True, 1), 'What is it in a sum'), ((False, 0), 'This is the difference in a sum of two tables'), (False, 'expected two things'), ((False, -1), 'urn the difference round'),
         (('no', 1), 'expected True or False')]),
    2: ([(4, 5), {4, 5}, [5, 4]],
        [((3, 4, 5), 'stage 3 has 39 .*so they fit'), ((5,), 'stage 4 has 20 .*so they are resized'), (4, 'expected the numbers of stages'),
         ((4, 5, 6), 'stages 2 to 5')]),
}
