"""Typical mistakes with the pieces of the lesson on pooling attention, and answers to its exercises."""
import torch

ATTEND, HEADS, FORWARD = 'attend', 'PoolingAttention.qkv_heads', 'PoolingAttention.forward'
SPLIT = """t.unflatten(-1, (self.num_heads, -1))
                         .transpose(1, 2)"""
LOOP = """for t, pool in zip(linear_in_parts(self.qkv, x, 3), pools):
            t, grid = pool(t, thw) if pool else (t, thw)"""
ROOT, WEIGHTS = 'math.sqrt(q.shape[-1])', '(q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)'
EXPLICIT = """    scores = q @ k.mT / math.sqrt(q.shape[-1])          # (B, h, N_Q, N_K)
    x = scores.softmax(-1) @ v                          # (B, h, N_Q, d)"""
JOIN = 'x.transpose(1, 2).flatten(2)'

# piece, what stands in the solution, what the mistake makes of it, what the message must say (a regular expression)
MISTAKES = [
    (ATTEND, ' / ' + ROOT, '', 'not divided by √d'),
    (ATTEND, ROOT, 'q.shape[-1]', 'divided by d, not by its root'),
    (ATTEND, '/ math', '* math', 'multiplied by √d'),
    (ATTEND, ROOT, 'math.sqrt(q.shape[1])', r'root of the number of queries \(or of keys, as many\)'),
    (ATTEND, ROOT, 'math.sqrt(k.shape[1])', r'root of the number of queries \(or of keys, as many\)'),
    (ATTEND, 'q @ k.mT', 'q @ k.T', '`.T` turns all axes round'),
    (ATTEND, 'softmax(-1)', 'softmax(-2)', 'softmax ran over the queries'),
    (ATTEND, 'softmax(-1)', 'softmax(0)', 'softmax ran over the batch'),
    (ATTEND, WEIGHTS, f'(q @ k.mT / {ROOT})', 'There is no softmax'),
    (ATTEND, WEIGHTS, '(q @ k.mT)', 'neither a softmax nor a scale'),
    (ATTEND, WEIGHTS, f'(q @ k.mT).softmax(-1) / {ROOT}', 'after the softmax'),
    (ATTEND, 'q @ k.mT', 'k @ q.mT', 'Queries and keys were swapped'),
    (ATTEND, 'q @ k.mT', 'q @ q.mT', 'Queries were compared with queries'),
    (ATTEND, 'weights @ v', 'weights @ k', 'keys were mixed'),
    (ATTEND, 'weights @ v', 'weights.mT @ v', 'matrix of weights was transposed'),
    (ATTEND, 'return weights @ v', 'return weights', 'weights came out'),
    (ATTEND, WEIGHTS, f'(q @ k.mT / {ROOT}).exp()', 'xp alone is no softmax'),
    (ATTEND, WEIGHTS, f'(q @ k.mT / {ROOT}).flatten(1).softmax(-1).unflatten(1, (q.shape[1], -1))', 'all pairs of a query and a key'),
    (ATTEND, 'q @ k.mT', 'q @ v.mT', 'compared with values'),
    (ATTEND, 'return weights @ v', 'return (weights @ v).mT', 'last two axes changed places'),
    (ATTEND, 'return weights @ v', 'return (weights @ v).detach()', 'no gradient comes back to q, k, v'),
    (ATTEND, 'weights = (q @ k.mT / math.sqrt(q.shape[-1]))', f'q /= {ROOT}\n    weights = (q @ k.mT)', 'left as they are'),

    (HEADS, SPLIT, 't.unflatten(-1, (-1, self.num_heads)).transpose(1, 2)', 'axes d and h were swapped'),
    (HEADS, SPLIT, 't.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)', 'Every h-th channel'),
    (HEADS, SPLIT, 't.unflatten(-1, (self.num_heads, -1))', 'Tokens and heads have to change places'),
    (HEADS, SPLIT, 't.reshape(len(t), self.num_heads, t.shape[1], -1)', 'The list was cut'),
    (HEADS, SPLIT, 't', 'not split into heads'),
    (HEADS, SPLIT, 't[:, 1:].unflatten(-1, (self.num_heads, -1)).transpose(1, 2)', 'class token was left out'),
    (HEADS, 'q, k, v = heads', 'k, q, v = heads', 'This is K'),
    (HEADS, 'q, k, v = heads', 'q, v, k = heads', 'This is V'),
    (HEADS, 'q, k, v = heads', 'v, k, q = heads', 'This is V'),
    (HEADS, 'linear_in_parts(self.qkv, x, 3)', 'self.qkv(x).unflatten(-1, (self.num_heads, 3, -1)).movedim(-2, 0).flatten(-2)',
     'not Q, K and V of one head after the other'),
    (HEADS, 'linear_in_parts(self.qkv, x, 3)', 'self.qkv(x).unflatten(-1, (-1, 3)).unbind(-1)', 'not Q, K and V of each channel'),
    (HEADS, 'pools = self.pool_q, self.pool_k, self.pool_v', 'pools = self.pool_k, self.pool_k, self.pool_v', 'pooled by pool_k'),
    (HEADS, 'pools = self.pool_q, self.pool_k, self.pool_v', 'pools = self.pool_q, self.pool_k, self.pool_k', 'pooled by pool_k'),
    (HEADS, 'pools = self.pool_q, self.pool_k, self.pool_v', 'pools = self.pool_q, self.pool_v, self.pool_k', 'pooled by pool_v'),
    (HEADS, 'pools = self.pool_q, self.pool_k, self.pool_v', 'pools = self.pool_q, self.pool_k, None', 'not pooled'),
    (HEADS, 'pools = self.pool_q, self.pool_k, self.pool_v', 'pools = None, self.pool_k, self.pool_v', 'not pooled'),
    (HEADS, LOOP, """for part, pool in zip(range(3), pools):
            t, grid = pool(x, thw) if pool else (x, thw)
            t = self.qkv(t).chunk(3, -1)[part]""", 'pooled before the linear layer'),
    (HEADS, LOOP, """for t, pool in zip(linear_in_parts(self.qkv, x, 3), pools):
            t, thw = pool(t, thw) if pool else (t, thw)
            grid = thw""", 'overwritten'),
    (HEADS, LOOP, """for t, pool in zip(linear_in_parts(self.qkv, x, 3), pools):
            t, grid = pool(t, thw)""", "'NoneType' object is not callable"),
    (HEADS, 'pool(t, thw) if', 'pool(t[:, 1:], thw) if', 'class token was left out'),
    (HEADS, 'pool(t, thw) if', 'pool(t.unflatten(-1, (self.num_heads, -1)).transpose(1, 2).flatten(0, 1), thw) if',
     'heads were split before the pooling'),
    (HEADS, 'pool(t, thw) if', 'pool(t.unflatten(-1, (self.num_heads, -1)).transpose(1, 2), thw) if', 'heads were split before the pooling'),
    (HEADS, 'grids[0]', 'grids[1]', 'grid of K and V'),
    (HEADS, 'grids[0]', 'grid', 'grid of K and V'),
    (HEADS, 'grids[0]', 'thw', 'grid that came in'),
    (HEADS, 'return q, k, v, grids[0]', 'return q, k, v', 'four things.*got 3'),
    (HEADS, 'linear_in_parts(self.qkv, x, 3)', 'nn.functional.linear(x, self.qkv.weight).chunk(3, -1)', 'bias of the linear layer is missing'),
    (HEADS, SPLIT, f'{SPLIT}.flatten(0, 1)', 'atch and heads became one axis'),
    (HEADS, SPLIT, f'{SPLIT}.mT', 'channels of a head changed places'),
    (HEADS, SPLIT, 't.unflatten(-1, (self.num_heads, -1)).permute(2, 0, 1, 3)', 'heads came before the batch'),
    (HEADS, 'return q, k, v, grids[0]', 'return q / q.shape[-1] ** 0.5, k, v, grids[0]', 'belongs to the scores'),
    (HEADS, 'return q, k, v, grids[0]', 'return grids[0], q, k, v', 'got the grid first'),
    (HEADS, 'pool(t, thw) if', 'pool(pool(t, thw)[0], thw) if', 'pooled already'),
    (HEADS, 'linear_in_parts(self.qkv, x, 3)', 'linear_in_parts(self.qkv, x.detach(), 3)', 'no gradient comes back to x'),
    (HEADS, LOOP, """q, k, v = self.qkv(x).chunk(3, -1)
        if self.pool_k:
            (k, grid), (v, _) = self.pool_k(k, thw), (self.pool_v or self.pool_k)(v, thw)
        q, grid = self.pool_q(q, thw) if self.pool_q else (q, thw)
        for t, grid in (q, grid), (k, None), (v, None):""", 'V was pooled: whether it is follows from pool_v'),
    (HEADS, LOOP, """q, k, v = self.qkv(x).chunk(3, -1)
        if self.pool_v:
            (k, grid), (v, _) = (self.pool_k or self.pool_v)(k, thw), self.pool_v(v, thw)
        q, grid = self.pool_q(q, thw) if self.pool_q else (q, thw)
        for t, grid in (q, grid), (k, None), (v, None):""", 'K was not pooled: whether it is follows from pool_k'),
    (HEADS, LOOP, """q, k, v = self.qkv(x).chunk(3, -1)
        if self.pool_k and self.pool_v:
            k, v = self.pool_k(k, thw)[0], self.pool_v(v, thw)[0]
        q, grid = self.pool_q(q, thw) if self.pool_q else (q, thw)
        for t, grid in (q, grid), (k, None), (v, None):""", 'K was not pooled'),

    (FORWARD, JOIN, 'x.reshape(len(x), x.shape[2], -1)', 'joined without moving the tokens'),
    (FORWARD, f'self.proj({JOIN})', 'x.flatten(2)', 'Tokens and heads have to change places'),
    (FORWARD, JOIN, 'x.permute(0, 2, 3, 1).flatten(2)', 'interleaved'),
    (FORWARD, f'self.proj({JOIN})', JOIN, 'projection, self.proj, is missing'),
    (FORWARD, f'self.proj({JOIN})', 'x', 'heads were not joined'),
    (FORWARD, f'self.proj({JOIN})', 'x.sum(1)', 'added, not joined'),
    (FORWARD, f'self.proj({JOIN})', f'{JOIN} @ self.proj.weight.mT', 'bias of the projection'),
    (FORWARD, JOIN + '), thw_q', JOIN + '), thw', 'grid that came in'),
    (FORWARD, JOIN + '), thw_q', JOIN + ')', 'expected a tuple of two things.*got Tensor'),
    (FORWARD, f'self.proj({JOIN})', f'self.proj({JOIN})[:, 1:]', 'class token was left out'),
    (FORWARD, 'dot_product_attention(q, k, v)', 'dot_product_attention(k, q, v)', 'a token for each key'),
    (FORWARD, 'dot_product_attention(q, k, v)', 'dot_product_attention(q, v, k)', 'Keys and values were swapped'),
    (FORWARD, 'dot_product_attention(q, k, v)', 'dot_product_attention(q, k, k)', 'keys were mixed'),
    (FORWARD, 'dot_product_attention(q, k, v)', '(q @ k.mT).softmax(-1) @ v', 'not divided by √d'),
    (FORWARD, 'dot_product_attention(q, k, v)', '(q @ k.mT * self.qkv.in_features ** -0.5).softmax(-1) @ v', 'divided by √D'),
    (FORWARD, 'dot_product_attention(q, k, v)', '(q @ k.mT * q.shape[-1] ** -0.5).softmax(-2) @ v', 'softmax ran over the queries'),
    (FORWARD, 'dot_product_attention(q, k, v)', 'dot_product_attention(q, q, v)', 'Queries were compared with queries'),
    (FORWARD, 'dot_product_attention(q, k, v)', 'dot_product_attention(q, k, v).detach()', 'no gradient comes back to x, self.qkv'),
    (FORWARD, 'dot_product_attention(q, k, v)', 'dot_product_attention(q, k, v) + q', 'Q was added'),
    (FORWARD, JOIN, 'x.flip(1).transpose(1, 2).flatten(2)', 'reverse order'),
    (FORWARD, f'self.proj({JOIN})', f'self.proj(self.proj({JOIN}))', 'projection ran twice'),
    (FORWARD, f'self.proj({JOIN})', f'({JOIN} @ self.proj.weight + self.proj.bias)', 'weight of the projection was transposed'),
    (FORWARD, 'return self.proj', 'return thw_q, self.proj', 'got 3 things'),

    ('explicit', ROOT, 'math.sqrt(attn.qkv.in_features)', 'divided by √D'),
    ('explicit', ROOT, 'q.shape[-1]', 'divided by d, not by its root'),
    ('explicit', ' / ' + ROOT, '', 'not divided by √d'),
    ('explicit', '/ math', '* math', 'multiplied by √d'),
    ('explicit', ROOT, 'math.sqrt(attn.num_heads)', r'root of the number of queries \(or of keys or heads, as many\)'),
    ('explicit', 'softmax(-1)', 'softmax(-2)', 'softmax ran over the queries'),
    ('explicit', 'softmax(-1)', 'softmax(1)', 'softmax ran over the heads'),
    ('explicit', 'scores.softmax(-1)', 'scores', 'There is no softmax'),
    ('explicit', 'softmax(-1) @ v', 'softmax(-1) @ k', 'keys were mixed'),
    ('explicit', JOIN, 'x.reshape(len(x), x.shape[2], -1)', 'joined without moving the tokens'),
    ('explicit', f'attn.proj({JOIN})', JOIN, r'projection, attn\.proj, is missing'),
    ('explicit', f'attn.proj({JOIN}), thw_q', f'attn.proj({JOIN}), thw', 'grid that came in'),
    ('explicit', f'attn.proj({JOIN}), thw_q', 'attn(x, thw)', 'expected the softmax written out'),
    ('explicit', 'scores.softmax(-1) @ v', 'torch.nn.functional.scaled_dot_product_attention(q, k, v)',
     'expected the weights.*fused routine'),
    ('explicit', 'q @ k.mT', 'k @ q.mT', 'Queries and keys were swapped'),
    ('explicit', 'scores.softmax(-1) @ v', 'scores.exp() @ v', 'xp alone is no softmax'),
    ('explicit', 'return attn.proj', 'x = x.detach()\n    return attn.proj', 'no gradient comes back to x'),

    ('multiply_adds', ' + N_Q * D * D', '', 'projection was left out'),
    ('multiply_adds', "3 * L * D * D + N_Q * D * D, 'products': 2 *", "2 * (3 * L * D * D + N_Q * D * D), 'products': 4 *", 'one multiply-add, here they were counted as two'),
    ('multiply_adds', 'N_Q * D * D', 'L * D * D', 'runs on the pooled queries only'),
    ('multiply_adds', 'N_Q * D * D', 'N_K * D * D', 'counted for the keys'),
    ('multiply_adds', '3 * L * D * D', '(N_Q + 2 * N_K) * D * D', 'counted after the pooling'),
    ('multiply_adds', '3 * L * D * D', '(N_Q + 2 * L) * D * D', 'Q was counted after the pooling'),
    ('multiply_adds', '3 * L', 'L', 'it is three'),
    ('multiply_adds', '3 * L * D * D + N_Q * D * D', '3 * L * D + N_Q * D', 'not D·D'),
    ('multiply_adds', '2 * N_Q', 'N_Q', 'factor 2 is missing'),
    ('multiply_adds', 'N_Q * N_K * D', 'L * N_K * D', 'Queries were counted before the pooling'),
    ('multiply_adds', 'N_Q * N_K * D', 'N_Q * L * D', 'Keys were counted before the pooling'),
    ('multiply_adds', 'N_Q * N_K * D', 'N_Q * N_K', 'factor D is missing'),
    ('multiply_adds', 'L // f_q, L // f_k', 'L // f_q ** 2, L // f_k ** 2', 'The factors f_Q and f_K are already the products of the strides'),
    ('multiply_adds', 'L // f_q, L // f_k', 'L // round(f_q ** 0.5), L // round(f_k ** 0.5)', 'one stride'),
    ('multiply_adds', 'L // f_q, L // f_k', 'L // f_k, L // f_q', 'counted for the keys'),
    ('multiply_adds', '3 * L * D * D', '(L + 2 * N_K) * D * D', 'K and V were counted after the pooling'),
    ('multiply_adds', '3 * L', '4 * L', 'three make them'),
    ('multiply_adds', 'L // f_q, L // f_k', 'L * f_q, L * f_k', 'here it was multiplied'),
    ('multiply_adds', '2 * N_Q * N_K', '2 * (N_Q + 1) * (N_K + 1)', 'class token was counted'),
    ('multiply_adds', "'linear': 3", "'layers': 3", 'expected a dict with two numbers'),
]

# What shows in a network alone.
DOT, RETURNED = 'dot_product_attention(q, k, v)', 'return q, k, v, grids[0]'
MISTAKES += [
    (ATTEND, 'return weights @ v', 'return (weights @ v).squeeze()', 'axis B was lost'),
    (ATTEND, 'return weights @ v', 'return weights.float() @ v.float()', 'float32 came out'),
    (ATTEND, 'return weights @ v', 'return weights.detach() @ v', 'no gradient comes back to q, k'),
    (ATTEND, 'q @ k.mT', 'q @ k.detach().mT', 'no gradient comes back to k'),
    (ATTEND, 'q @ k.mT', '(q.detach() + 0 * q) @ k.mT', 'no gradient reaches q'),
    (HEADS, RETURNED, 'return q, k.detach(), v, grids[0]', 'no gradient comes back to x'),
    (HEADS, RETURNED, 'return q.squeeze(0), k, v, grids[0]', 'expected the shape'),
    (HEADS, RETURNED, 'return q, k, v.float(), grids[0]', 'float32 came out'),
    (HEADS, RETURNED, 'return q if self.training else q + 1, k, v, grids[0]', 'Q, in evaluation'),
    (HEADS, RETURNED, 'self.num_heads = 1; return q, k, v, grids[0]', '`self.num_heads` was changed'),
    (HEADS, 'linear_in_parts(self.qkv, x, 3)', 'nn.functional.linear(x, self.qkv.weight, self.qkv.bias.data if self.pool_q else self.qkv.bias).chunk(3, -1)',
     'no gradient reaches `self.qkv.bias`'),
    (FORWARD, DOT, f'{DOT} if self.training else v', 'in evaluation'),
    (FORWARD, DOT, f'{DOT}.squeeze(0)', 'Error|expected the shape'),
    (FORWARD, f'self.proj({JOIN})', f'self.proj({JOIN}).squeeze(0)', 'expected the shape'),
    (FORWARD, f'self.proj({JOIN})', f'self.proj({JOIN}).float()', 'float32 came out'),
    (FORWARD, f'self.proj({JOIN})', f'nn.functional.linear({JOIN}, self.proj.weight, self.proj.bias.data)', 'no gradient reaches `self.proj.bias`'),
    (FORWARD, DOT, 'dot_product_attention(q, k.detach(), v)', 'gradient does not reach x'),
    (FORWARD, 'self.qkv_heads(x, thw)', 'self.qkv_heads(x.mul_(2), thw)', 'input was changed|are wrong|Error'),
    ('explicit', 'softmax(-1) @ v', 'softmax(-1).float() @ v.float()', 'ends in|float32 came out'),
    ('explicit', 'softmax(-1) @ v', 'softmax(-1).detach() @ v', 'gradient does not reach x'),
    ('explicit', f'attn.proj({JOIN})', f'attn.proj({JOIN}).squeeze(0)', 'expected the shape'),
]


# The grid: the pool's own, a tuple.
FLOOR = 'tuple(n // s for n, s in zip(thw, self.pool_q.stride)) if self.pool_q else thw'
ATTN_FLOOR = FLOOR.replace('self', 'attn')
BY_QUERY = '''    rows = [(t @ k.mT / math.sqrt(k.shape[-1])).softmax(-1) @ v for t in q.split(1, 2)]
    x = torch.cat(rows, 2)'''
BY_QUERY_LATE = '''    exps = [(t @ k.mT / math.sqrt(k.shape[-1])).exp() for t in q.split(1, 2)]
    x = torch.cat([e @ v / e.sum(-1, True) for e in exps], 2)'''
MISTAKES += [
    (HEADS, 'grids[0]', FLOOR, 'does not divide.*take the grid that the pooling returns'),
    (HEADS, 'grids[0]', 'list(grids[0])', 'A tuple is wanted'),
    (HEADS, 'grids[0]', 'tuple(n / 1 for n in grids[0])', 'An int is needed'),
    (HEADS, RETURNED, 'return [q, k, v, grids[0]]', 'tuple of four things.*got a list'),
    (FORWARD, JOIN + '), thw_q', JOIN + '), ' + FLOOR, 'does not divide.*take the grid that the pooling returns'),
    (FORWARD, JOIN + '), thw_q', JOIN + '), list(thw_q)', 'A tuple is wanted'),
    (FORWARD, f'return self.proj({JOIN}), thw_q', f'return [self.proj({JOIN}), thw_q]', 'tuple of two things.*got a list'),
    (FORWARD, DOT, '(q @ k.mT * q.shape[-2] ** -0.5).softmax(-1) @ v', r'root of the number of queries \(or of keys, as many\)'),
    (FORWARD, DOT, '(q @ k.mT * self.num_heads ** -0.5).softmax(-1) @ v', r'root of the number of heads, not'),
    (FORWARD, DOT, f'nn.functional.dropout({DOT}, 0.1, self.training)', 'wo calls with the same tokens.*no dropout'),
    (FORWARD, DOT, f'nn.functional.dropout({DOT}, 0.1)', 'wo calls with the same tokens.*no dropout'),
    ('explicit', f'attn.proj({JOIN}), thw_q', f'attn.proj({JOIN}), {ATTN_FLOOR}', 'does not divide.*take the grid that the pooling returns'),
    ('explicit', ROOT, 'math.sqrt(q.shape[2])', r'root of the number of queries \(or of keys or heads, as many\)'),
    ('explicit', EXPLICIT, '''    from torch.utils.checkpoint import checkpoint
    x = checkpoint(lambda q, k, v: (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1) @ v, q, k, v, use_reentrant=False)''',
     'in parts.*0 were found.*computed again'),
    ('multiply_adds', '2 * N_Q * N_K * D', 'L * N_K * D + N_Q * N_K * D', 'One of the two products.*queries before the pooling'),
    ('multiply_adds', '2 * N_Q * N_K * D', 'N_Q * L * D + N_Q * N_K * D', 'One of the two products.*keys before the pooling'),
]

# Right in other words.
BY_HEAD = """    heads = []
    for i in range(attn.num_heads):
        scores = q[:, i] @ k[:, i].mT / math.sqrt(q.shape[-1])
        heads.append(scores.softmax(-1) @ v[:, i])
    x = torch.stack(heads, 1)"""
ALSO_RIGHT = [
    (HEADS, 'linear_in_parts(self.qkv, x, 3)', 'self.qkv(x).chunk(3, -1)'),
    (HEADS, 'linear_in_parts(self.qkv, x, 3)', 'self.qkv(x).view(*x.shape[:2], 3, -1).unbind(2)'),
    (HEADS, 'linear_in_parts(self.qkv, x, 3)', '[self.qkv(x)[..., i * x.shape[2]:(i + 1) * x.shape[2]] for i in range(3)]'),
    (FORWARD, 'dot_product_attention(q, k, v)', 'nn.functional.scaled_dot_product_attention(q, k, v)'),
    ('explicit', EXPLICIT, BY_HEAD),
    ('explicit', EXPLICIT, BY_QUERY),
    ('explicit', EXPLICIT, BY_QUERY_LATE),
    ('multiply_adds', 'L // f_q, L // f_k', "L * __import__('fractions').Fraction(1, f_q), L // f_k"),
]

# exercise: (right answers, wrong answers with what the message must say)
ANSWERS = {
    1: ([(1, 2, 6273, 1569), [2, 6273, 1569]],
        [((1, 2, 6272, 1568), 'class token is missing among queries and keys'), ((1, 2, 1569, 6273), 'swapped'),
         ((2, 25089, 25089), 'without any pooling'), ((1, 2, 6273, 1568), 'among the keys'), ((6273, 1569), 'expected'),
         (torch.empty(1, 2, 6273, 1569, device='meta'), r'wanted is its `\.shape`'), (torch.empty(1, 2, 1569, 6273, device='meta'), 'swapped'),
         (torch.zeros(2000), r'got (a tensor of shape )?[\[\(]2000')]),
    2: ([(True, False, False), [True, False, False]],
        [((True, True, False), 'with a bias: expected False.*at the border only'),
         ((True, False, True), 'maximum pooling: expected False.*all over the grid'),
         ((False, False, False), 'without a bias: expected True.*rounding'), (True, 'three times')]),
}
