"""Typical mistakes with the pieces of the lesson on pooling, and answers to its exercises."""

GRID = 'tokens.reshape(B, *thw, D).permute(0, 4, 1, 2, 3)'
LIST = 'grid.permute(0, 2, 3, 4, 1).flatten(1, 3)'
WINDOWS = '(length + 2 * padding - kernel) // stride + 1'
SPLIT = 'x.split([num_cls, x.shape[1] - num_cls], 1)'
CHECK = 'check_tokens(x.shape[1], thw, num_cls)'
JOIN = 'torch.cat([cls, tokens], 1) if cls.shape[1] else tokens'
POOL = 'return pool(grid, self.kernel, self.stride, self.padding)'
ROUND = '[n for p in reversed(self.padding) for n in (p, p)]'      # as F.pad wants it
SHARED = 'shared_conv(self.conv, grid, self.num_heads)'
PARTS = 'cls, tokens = split_cls(x, thw, self.num_cls)'
BACK = 'x = join_cls(cls, tokens)'
NORM = 'self.norm(x.unflatten(-1, (self.num_heads, -1))).flatten(2)'
FORWARD = f'''        {PARTS}   # cls waits
        tokens, thw = to_tokens(self.pool_grid(to_grid(tokens, thw)))
        {BACK}                       # (B, N', D)
        if self.mode == 'conv':
            x = {NORM}'''
BEFORE = f'''        if self.mode == 'conv':
            x = {NORM}
        {PARTS}
        tokens, thw = to_tokens(self.pool_grid(to_grid(tokens, thw)))
        {BACK}'''
BEFORE_ALONE = f'''        {PARTS}
        if self.mode == 'conv':
            tokens = {NORM.replace('x.', 'tokens.')}
        tokens, thw = to_tokens(self.pool_grid(to_grid(tokens, thw)))
        {BACK}'''
TWO_D = '''pool = F.max_pool2d if self.mode == 'max' else F.avg_pool2d
        frames = [pool(frame, self.kernel[1:], self.stride[1:], self.padding[1:]) for frame in grid.unbind(2)]
        return torch.stack(frames, 2)'''

# piece, what stands in the solution, what the mistake makes of it, what the message must say (a regular expression)
MISTAKES = [
    ('to_grid', GRID, 'tokens.reshape(B, D, *thw)', 'channels of a token were scattered'),
    ('to_grid', GRID, 'tokens.reshape(B, *thw, D)', 'channels are still the last axis'),
    ('to_grid', GRID, 'tokens.reshape(B, thw[0], thw[2], thw[1], D).permute(0, 4, 1, 3, 2)', 'Rows and columns were swapped'),
    ('to_grid', GRID, 'tokens.reshape(B, *thw, D).permute(0, 4, 1, 3, 2)', r'\(5, 8, 2, 4, 3\)\. Rows and columns were swapped'),
    ('to_grid', GRID, 'tokens.reshape(B, *thw[::-1], D).permute(0, 4, 3, 2, 1)', 'Frames and columns were swapped'),
    ('to_grid', GRID, 'tokens.reshape(B, *thw, D).permute(0, 4, 2, 3, 1)', 'axes T, H, W came in the order H, W, T'),
    ('to_grid', GRID, 'tokens.reshape(B, *thw, D).permute(0, 4, 1, 2, 3)[:1]', r'expected the shape .* = \(5, 8, 2, 3, 4\), got \(1,'),

    ('to_tokens', LIST, 'grid.flatten(2)', 'channels are still the second axis'),
    ('to_tokens', LIST, 'grid.reshape(len(grid), -1, grid.shape[1])', 'channels of a token were scattered'),
    ('to_tokens', LIST, 'grid.permute(0, 2, 4, 3, 1).flatten(1, 3)', 'Rows and columns were swapped'),
    ('to_tokens', LIST, 'grid.permute(0, 4, 3, 2, 1).flatten(1, 3)', 'Columns come before frames'),
    ('to_tokens', LIST, 'grid.permute(0, 2, 3, 4, 1).flatten(1, 2)', 'columns are still an axis of their own'),
    ('to_tokens', f'{LIST}, (T, H, W)', LIST, 'expected two things'),
    ('to_tokens', f'{LIST}, (T, H, W)', f'{LIST}, (T, W, H)', 'Rows and columns were swapped'),
    ('to_tokens', 'grid.shape[2:]', 'grid.shape[1:4]', 'channels were counted as an axis'),

    ('pooled_length', WINDOWS, '(length - kernel) // stride + 1', 'padding was forgotten'),
    ('pooled_length', WINDOWS, '(length + padding - kernel) // stride + 1', 'at one end only'),
    ('pooled_length', WINDOWS, '(length + 2 * padding - kernel) // stride', 'first window, at step 0, was not counted'),
    ('pooled_length', WINDOWS, '(length + 2 * padding) // stride - kernel + 1', 'taken away after the division'),
    ('pooled_length', WINDOWS, '(length + 2 * padding - kernel + 1) // stride', 'added before the division'),
    ('pooled_length', WINDOWS, '-((kernel - length - 2 * padding) // stride) + 1', 'rounded up'),
    ('pooled_length', WINDOWS, '(length + 2 * padding - kernel) / stride + 1', 'not rounded down'),
    ('pooled_length', WINDOWS, '(length + 2 * padding - stride) // kernel + 1', 'kernel and stride were swapped|Kernel and stride were swapped'),
    ('pooled_length', WINDOWS, '(length + 2 * padding) // stride + 1', 'kernel was not taken away'),
    ('pooled_length', WINDOWS, 'length + 2 * padding - kernel + 1', 'stride was forgotten'),
    ('pooled_length', WINDOWS, '-(-length // stride)', 'hat is n/s, rounded up, which is right for odd kernels only'),
    ('pooled_length', WINDOWS, 'len(range(-padding, length + padding - kernel, stride))', 'last window is missing'),
    ('pooled_length', 'padding = kernel // 2 if padding is None else padding', 'padding = padding or kernel // 2', 'padding of 0 was taken for none'),
    ('pooled_length', 'padding = kernel // 2 if padding is None else padding', 'padding = kernel // 2', 'padding that was given was ignored'),
    ('pooled_length', 'padding = kernel // 2 if padding is None else padding', 'padding = kernel if padding is None else padding', 'taken as k, not as floor'),
    ('pooled_length', WINDOWS, 'int((length + 2 * padding - kernel) / stride + 1.0) + 0.0', 'whole number'),
    ('to_tokens', LIST, 'grid.permute(0, 2, 3, 4, 1).view(len(grid), -1, grid.shape[1])', 'do not lie side by side in memory, as `view` wants'),

    ('split_cls', SPLIT, 'x[:, 0], x[:, 1:]', 'axis of tokens is gone'),
    ('split_cls', SPLIT, 'x[:, :1], x[:, 1:]', 'although num_cls is 0'),
    ('split_cls', SPLIT, 'x[:, :num_cls], x', 'class token is still among them'),
    ('split_cls', SPLIT, 'x[:, -num_cls:], x[:, num_cls:]', 'last token was taken, the class token stands in front'),
    ('split_cls', SPLIT, 'x[:, :num_cls], x[:, :x.shape[1] - num_cls]', 'last token was left out'),
    ('split_cls', 'return cls, tokens', 'return tokens, cls', 'two came in the other order'),
    ('split_cls', 'return cls, tokens', 'return tokens', 'expected two things'),
    ('split_cls', '    check_tokens(x.shape[1], thw, num_cls)\n', '', 'list of another length was not refused'),
    ('split_cls', '    check_tokens(x.shape[1], thw, num_cls)', '    assert x.shape[1] == thw[0] * thw[1] * thw[2] + num_cls',
     'expected a ValueError, got an AssertionError'),

    ('join_cls', JOIN, 'torch.cat([tokens, cls], 1)', 'class token stands at the end'),
    ('join_cls', JOIN, 'tokens', 'class token is lost'),
    ('join_cls', JOIN, 'cls + tokens', 'class token was added to every token'),
    ('join_cls', JOIN, 'torch.cat([cls, tokens[:, 1:]], 1)', 'took the place of the first token'),
    ('join_cls', JOIN, 'torch.cat([cls[:1].expand_as(cls), tokens], 1)', 'class token of the first list'),
    ('join_cls', JOIN, 'torch.cat([cls, cls, tokens], 1)', 'class token is there twice'),
    ('join_cls', JOIN, 'torch.cat([cls[:, :1], tokens], 1)', 'only the first class token|Only the first class token'),
    ('join_cls', JOIN, 'torch.cat([cls, tokens.flip(1)], 1)', 'opposite order'),
    ('join_cls', JOIN, 'torch.cat([cls, tokens], 2)', r'`return torch\.cat\(\[cls, tokens\], 2\)` ends in RuntimeError: Sizes of tensors must match'),

    ('window_of', 'k_T // 2, k_H // 2, k_W // 2', '0, 0, 0', 'padding was forgotten'),
    ('window_of', 'k_T // 2, k_H // 2, k_W // 2', 'k_T, k_H, k_W', 'taken as k'),
    ('window_of', 'k_T // 2, k_H // 2, k_W // 2', 's_T // 2, s_H // 2, s_W // 2', 'taken from the stride'),
    ('window_of', 'k_T // 2, k_H // 2, k_W // 2', '(k_T - 1) // 2, (k_H - 1) // 2, (k_W - 1) // 2', 'even kernel it is k/2'),
    ('window_of', 'k_T // 2, k_H // 2, k_W // 2', '(k_T + 1) // 2, (k_H + 1) // 2, (k_W + 1) // 2', 'rounded up'),
    ('window_of', 'k_T // 2, k_H // 2, k_W // 2', 'k_T / 2, k_H / 2, k_W / 2', 'not rounded down'),
    ('window_of', 'k_T // 2, k_H // 2, k_W // 2', '(k_T // 2,) * 3', 'all axes have the padding of T|All axes have the padding of T'),
    ('window_of', '(s_T, s_H, s_W), padding', 'padding, (s_T, s_H, s_W)', 'Stride and padding were swapped'),
    ('window_of', '(k_T, k_H, k_W), (s_T, s_H, s_W), padding', '(s_T, s_H, s_W), (k_T, k_H, k_W), padding', 'Kernel and stride were swapped'),

    ('TokenPool.pool_grid', SHARED, 'self.conv(grid)', 'to have 4 channels, but got 12'),
    ('TokenPool.pool_grid', SHARED, 'self.conv(grid[:, :self.conv.in_channels])', 'Only the first head is there'),
    ('TokenPool.pool_grid', SHARED, 'self.conv(grid[:, :self.conv.in_channels]).repeat(1, self.num_heads, 1, 1, 1)', 'what the first one gives'),
    ('TokenPool.pool_grid', SHARED, 'torch.stack([self.conv(grid[:, i::self.num_heads]) for i in range(self.num_heads)], 2).flatten(1, 2)', 'side by side, not every h-th'),
    ('TokenPool.pool_grid', SHARED, f'self.norm({SHARED}.movedim(1, -1).unflatten(-1, (self.num_heads, -1))).flatten(4).movedim(-1, 1)', 'norm is there already'),
    ('TokenPool.pool_grid', SHARED, 'shared_conv(self.conv, grid.mT, self.num_heads).mT', 'Rows and columns were swapped'),
    ('TokenPool.pool_grid', f"if self.mode == 'conv':\n            return {SHARED}", f'if self.num_heads > 1:\n            return {SHARED}', 'That is the average'),
    ('TokenPool.pool_grid', "if self.mode == 'max'", "if self.mode == 'avg'", 'That is the average'),
    ('TokenPool.pool_grid', "F.max_pool3d if self.mode == 'max' else average_pool", 'F.max_pool3d', 'That is the maximum'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, self.kernel, self.stride, (0, 0, 0))', 'padding was forgotten'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, self.kernel, self.kernel, self.padding)', 'stride was forgotten'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, self.kernel, (1, 1, 1), self.padding)', 'laid at every position'),
    ('TokenPool.pool_grid', POOL, f'return pool(F.pad(grid, {ROUND}), self.kernel, self.stride, (0, 0, 0))', 'for the maximum it is −∞, not 0'),
    ('TokenPool.pool_grid', 'else average_pool', 'else (lambda *all_: F.avg_pool3d(*all_, count_include_pad=False))', 'padding was left out'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, (1, 3, 3), (1, 2, 2), (0, 1, 1))', 'window of the toy was taken'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, self.kernel, (self.stride[0], self.stride[1], self.stride[1]), self.padding)', 'stride along H was used for W'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, self.kernel, (1, *self.stride[1:]), self.padding)', 'stride along T was taken as 1'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, (1, *self.kernel[1:]), (1, *self.stride[1:]), (0, *self.padding[1:]))', 'frames were pooled one by one'),
    ('TokenPool.pool_grid', POOL, TWO_D, 'frames were pooled one by one'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, self.kernel, self.stride, tuple(int(k == 3) for k in self.kernel))', 'not 1 for k = 3 alone'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, self.kernel, self.stride, tuple(int(k > 1) for k in self.kernel))', 'padding was taken as 1'),
    ('TokenPool.pool_grid', SHARED, 'shared_conv(self.conv, grid, max(1, grid.shape[1] // 4))', 'to have 18 channels, but got 12'),
    ('TokenPool.pool_grid', SHARED, 'F.conv3d(grid, self.conv.weight.repeat(self.num_heads, 1, 1, 1, 1), None, (1, 2, 2), self.padding, 1, grid.shape[1])',
     'stride was taken from the toy'),

    ('TokenPool.forward', PARTS, 'cls, tokens = x[:, :self.num_cls], x[:, :x.shape[1] - self.num_cls]', 'class token was pooled too'),
    ('TokenPool.forward', PARTS, 'cls, tokens = x[:, :self.num_cls], x', 'ends in RuntimeError: shape .* is invalid'),
    ('TokenPool.forward', PARTS, 'cls, tokens = split_cls(x, thw, 1)', r'expected 2·3·4 \+ 1 = 25 tokens, got 24'),
    ('TokenPool.forward', PARTS, 'cls, tokens = x[:, :self.num_cls], x[:, -(thw[0] * thw[1] * thw[2]):].mT.reshape(len(x), -1, x.shape[2])', 'pooled tokens of a grid'),
    ('TokenPool.forward', BACK, 'x = tokens', 'class token is lost'),
    ('TokenPool.forward', BACK, 'x = join_cls(tokens, cls)', 'class token stands at the end'),
    ('TokenPool.forward', 'tokens, thw = to_tokens(', 'tokens, _ = to_tokens(', 'from before the pooling'),
    ('TokenPool.forward', 'to_grid(tokens, thw)', 'to_grid(tokens, (thw[0], thw[2], thw[1]))', 'Rows and columns were swapped'),
    ('TokenPool.forward', 'return x, thw', 'return x', 'expected two things'),
    ('TokenPool.forward', NORM, 'x', 'norm is missing'),
    ('TokenPool.forward', NORM, 'torch.cat([x[:, :1], self.norm(x[:, 1:].unflatten(-1, (self.num_heads, -1))).flatten(2)], 1)', 'class token was not normalized'),
    ('TokenPool.forward', NORM, 'torch.cat([self.norm(x[:, :1].unflatten(-1, (self.num_heads, -1))).flatten(2), x[:, 1:]], 1)', 'class token alone was normalized'),
    ('TokenPool.forward', NORM, 'F.layer_norm(x, x.shape[-1:], eps=1e-6) * self.norm.weight.repeat(self.num_heads) + self.norm.bias.repeat(self.num_heads)', 'took all D channels'),
    ('TokenPool.forward', NORM, 'F.layer_norm(x.unflatten(-1, (self.num_heads, -1)), self.norm.normalized_shape, eps=1e-6).flatten(2)', 'a scale and a shift'),
    ('TokenPool.forward', NORM, 'self.norm(x.unflatten(-1, (-1, self.num_heads)).mT).mT.flatten(2)', 'side by side, not every h-th'),
    ('TokenPool.forward', FORWARD, BEFORE, 'norm came before the pooling\\.'),
    ('TokenPool.forward', FORWARD, BEFORE_ALONE, 'norm came before the pooling, and the class token got none'),
    ('TokenPool.forward', FORWARD, BEFORE + f'''
        if self.mode == 'conv':
            x = {NORM}''', 'once more after it'),
    ('TokenPool.forward', NORM, 'self.norm(x)', 'ends in RuntimeError: Given normalized_shape=.4.'),
    ('TokenPool.forward', f"if self.mode == 'conv':\n            x = {NORM}", f'x = {NORM}', "no attribute 'norm'"),
]

SKIPPED = [                           # what shows where windows do nothing or little
    ('TokenPool.forward', "if self.mode == 'conv':\n            x", "if self.mode == 'conv' and self.num_heads > 1:\n            x", 'norm is missing where there is one head'),
    ('TokenPool.forward', NORM, f'{NORM} if self.num_heads > 1 else x - x.mean(-1, keepdim=True)', 'nly the mean was taken away where there is one head'),
    ('TokenPool.forward', "if self.mode == 'conv':\n            x", "if self.mode == 'conv' and self.num_cls:\n            x", 'norm is missing where there is no class token'),
    ('TokenPool.forward', f'        {PARTS}', f'        if self.stride == (1, 1, 1): return x, thw\n        {PARTS}', 'tokens were not pooled: with stride 1'),
    ('TokenPool.forward', f'        {PARTS}', f'        if self.kernel == (1, 1, 1): return x, thw\n        {PARTS}', 'tokens were not pooled: with k = 1'),
    ('TokenPool.forward', 'self.pool_grid(to_grid(tokens, thw))', 'to_grid(tokens, thw) if max(self.stride) == 1 else self.pool_grid(to_grid(tokens, thw))', 'tokens were not pooled: with stride 1'),
    ('TokenPool.forward', 'self.pool_grid(to_grid(tokens, thw))', "to_grid(tokens, thw) if max(self.stride) == 1 and self.mode == 'conv' else self.pool_grid(to_grid(tokens, thw))",
     'nly the norm was taken, the tokens were not pooled: with stride 1'),
    ('TokenPool.pool_grid', "if self.mode == 'conv':\n            return", "if self.stride == (1, 1, 1): return grid\n        if self.mode == 'conv':\n            return", 'grid was not pooled: with stride 1'),
    ('TokenPool.pool_grid', "if self.mode == 'conv':\n            return", "if self.kernel == (1, 1, 1): return grid\n        if self.mode == 'conv':\n            return", 'grid was not pooled: with k = 1'),
    ('TokenPool.pool_grid', "if self.mode == 'conv':\n            return", "if self.kernel == self.stride == (1, 1, 1): return grid\n        if self.mode == 'conv':\n            return", 'grid was not pooled: a convolution with k = 1'),
    ('TokenPool.pool_grid', SHARED, 'self.conv(grid.view(len(grid) * self.num_heads, -1, *grid.shape[2:])).unflatten(0, (-1, self.num_heads)).flatten(1, 2)',
     'do not lie side by side in memory, as `view` wants'),
    ('split_cls', CHECK, 'if x.shape[1] < thw[0] * thw[1] * thw[2]: raise ValueError(num_cls)', '8 tokens .* not refused: its class token is missing'),
    ('split_cls', CHECK, 'if x.shape[1] - thw[0] * thw[1] * thw[2] not in (0, num_cls): raise ValueError(thw)', 'not refused: its class token is missing'),
    ('split_cls', CHECK, 'if x.shape[1] - thw[0] * thw[1] * thw[2] not in (1, num_cls): raise ValueError(thw)', 'not refused: it holds one token more, though num_cls is 0'),
    ('split_cls', CHECK, 'if x.shape[1] < thw[0] * thw[1] * thw[2] + num_cls: raise ValueError(thw)', '9 tokens .* not refused: it holds one token more, though num_cls is 0'),
    ('split_cls', CHECK, 'if (x.shape[1] - num_cls) % (thw[0] * thw[1] * thw[2]): raise ValueError(thw)', r'16 tokens .* not refused: it is too long'),
    ('split_cls', CHECK, 'if x.shape[1] != thw[1] * thw[2] + num_cls: raise ValueError(thw)', 'ends in ValueError'),
    ('TokenPool.forward', PARTS, 'if x.shape[1] < (N := thw[0] * thw[1] * thw[2] + self.num_cls): raise ValueError(N)\n        cls, tokens = x[:, :self.num_cls], x[:, self.num_cls:N]', '9 tokens .* not refused: it holds one token more, though num_cls is 0'),
    ('TokenPool.forward', PARTS, 'cls, tokens = x[:, :self.num_cls], x[:, self.num_cls:]', 'expected a ValueError, got RuntimeError: shape .* not refused: it is too short'),
    ('to_tokens', f'{LIST}, (T, H, W)', f'[{LIST}, (T, H, W)]', r'in a tuple, got list of 2\. `return a, b` gives a tuple'),
    ('TokenPool.forward', 'return x, thw', 'return [x, thw]', r'in a tuple, got list of 2\. `return a, b` gives a tuple'),
    ('window_of', 'return (k_T, k_H, k_W), (s_T, s_H, s_W), padding', 'return [(k_T, k_H, k_W), (s_T, s_H, s_W), padding]', 'in a tuple, got list of 3'),
    ('window_of', 'k_T // 2, k_H // 2, k_W // 2', 'tuple(float(k // 2) for k in kernel)', 'expected whole numbers, .* An int is needed here'),
    ('pooled_length', WINDOWS, 'round((length + 2 * padding - kernel) / stride) + 1', 'rounded to the nearest whole number, not down'),
    ('TokenPool.forward', NORM, 'F.layer_norm(x, x.shape[-1:])', 'all D channels of a token together, without scale and shift'),
]
MISTAKES += SKIPPED

USED = [                              # what shows in a network alone
    ('to_grid', GRID, f'{GRID}.detach()', 'no gradient reaches the tokens'),
    ('to_grid', GRID, f'{GRID}.float()', 'float32 came out'),
    ('to_grid', GRID, 'tokens.mul_(2).reshape(B, *thw, D).permute(0, 4, 1, 2, 3) / 2', 'are wrong|input was changed'),
    ('to_grid', GRID, f'{GRID}.squeeze(2)', 'expected the shape .* 1, 3, 2'),
    ('to_grid', GRID, f'{GRID}.squeeze(0)', 'of one sample'),
    ('to_tokens', LIST, f'{LIST}.detach()', 'no gradient reaches the grid'),
    ('to_tokens', LIST, f'{LIST}.squeeze(0)', 'of one sample'),
    ('to_tokens', LIST, f'{LIST}.squeeze(1)', 'expected the shape .* = .2, 1, 3.'),
    ('to_tokens', LIST, f'{LIST}.float()', 'float32 came out'),
    ('split_cls', 'return cls, tokens', 'return cls.detach(), tokens', 'no gradient reaches the list'),
    ('split_cls', 'return cls, tokens', 'return cls, tokens.detach()', 'no gradient reaches the list'),
    ('split_cls', 'return cls, tokens', 'return cls, tokens.float()', 'float32 came out'),
    ('split_cls', 'return cls, tokens', 'x[:, :num_cls] = 0; return cls, tokens', 'are wrong|input was changed'),
    ('join_cls', JOIN, 'torch.cat([cls.detach(), tokens], 1)', 'no gradient reaches the class tokens'),
    ('join_cls', JOIN, 'torch.cat([cls, tokens.data], 1)', 'no gradient reaches the others'),
    ('join_cls', JOIN, 'torch.cat([cls, tokens], 1).float()', 'float32 came out'),
    ('join_cls', JOIN, 'torch.cat([cls, tokens], 1).squeeze(0)', 'of one sample'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid.detach(), self.kernel, self.stride, self.padding)', 'no gradient reaches the grid'),
    ('TokenPool.pool_grid', POOL, f'self.last = grid\n        {POOL}', '`self.last` was changed'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, self.kernel, self.stride, self.padding).squeeze(2)', 'expected the shape'),
    ('TokenPool.pool_grid', POOL, 'return pool(grid, self.kernel, self.stride, self.padding).float()', 'float32 came out'),
    ('TokenPool.pool_grid', SHARED, f'{SHARED} if not self.training else {SHARED}.detach()', 'no gradient reaches the grid'),
    ('TokenPool.pool_grid', "if self.mode == 'max'", "if self.mode == 'max' and self.training", 'in evaluation: .* are wrong'),
    ('TokenPool.pool_grid', SHARED, 'torch.cat([nn.functional.conv3d(head, self.conv.weight.detach(), None, self.stride, self.padding, 1, len(self.conv.weight)) for head in grid.chunk(self.num_heads, 1)], 1)',
     'no gradient reaches `self.conv.weight`'),
    ('TokenPool.forward', NORM, f'{NORM} if self.training else x', 'in evaluation: .* are wrong'),
    ('TokenPool.forward', NORM, f'{NORM}.detach()', 'no gradient reaches'),
    ('TokenPool.forward', 'return x, thw', 'return x.squeeze(0), thw', 'expected the shape'),
    ('TokenPool.forward', 'return x, thw', 'return x.float(), thw', 'float32 came out'),
    ('TokenPool.forward', 'return x, thw', 'self.num_cls = 1; return x, thw', '`self.num_cls` was changed'),
    ('TokenPool.forward', BACK, 'x = join_cls(cls.detach(), tokens)', 'gradient does not reach the tokens'),
]
MISTAKES += USED

# Right in other words.
ALSO_RIGHT = [
    ('to_tokens', LIST, 'grid.movedim(1, -1).reshape(len(grid), -1, grid.shape[1])'),
    ('pooled_length', WINDOWS, 'len(range(-padding, length + padding - kernel + 1, stride))'),
    ('TokenPool.pool_grid', SHARED, 'torch.cat([self.conv(head) for head in grid.chunk(self.num_heads, 1)], 1)'),
    ('TokenPool.pool_grid', 'else average_pool', 'else F.avg_pool3d'),
    ('TokenPool.pool_grid', SHARED, 'self.conv(grid.reshape(len(grid) * self.num_heads, -1, *grid.shape[2:])).unflatten(0, (-1, self.num_heads)).flatten(1, 2)'),
    ('split_cls', CHECK, 'if x.shape[1] != thw[0] * thw[1] * thw[2] + num_cls: raise ValueError(x.shape)'),
    ('window_of', 'k_T // 2, k_H // 2, k_W // 2', 'tuple(k // 2 for k in kernel)'),
    ('TokenPool.forward', PARTS, """if x.shape[1] != thw[0] * thw[1] * thw[2] + self.num_cls: raise ValueError('the list does not fit the grid')
        cls, tokens = x[:, :self.num_cls], x[:, self.num_cls:]"""),
]

# exercise: (right answers, wrong answers with what the message must say)
ANSWERS = {
    1: ([lambda n, s: -(-n // s), lambda n, s: (n - 1) // s + 1, lambda n, s: (n + s - 1) // s],
        [(lambda n, s: n // s, 'has a middle too'),
         (lambda n, s: (n - 1) // s, 'position 0 is a middle|Position 0 is a middle'),
         (lambda n, s: n // s + 1, 'no middle at position n'),
         (lambda n, s: n / s, 'whole number'),
         (7, 'expected a function of n and s')]),
    2: ([lambda pool, x, thw: pool(x, thw)[0] / pool(x * 0 + 1, thw)[0],
         lambda pool, x, thw: pool(x, thw)[0] / pool(x[:1, :, :1] * 0 + 1, thw)[0]],
        [(lambda pool, x, thw: pool(x, thw)[0], 'still dimmed'),
         (lambda pool, x, thw: pool(x, thw)[0] * pool(x * 0 + 1, thw)[0], 'dimmed twice'),
         (lambda pool, x, thw: pool(x, thw)[0] * 27, 'sums, not averages'),
         (lambda pool, x, thw: pool(x, thw)[0] * 27 / pool(x * 0 + 1, thw)[0], 'very number is 27 times too large'),
         (lambda pool, x, thw: pool(x, thw)[0] * 3 / pool(x * 0 + 1, thw)[0], 'very number is 3 times too large'),
         (lambda pool, x, thw: pool(x, thw)[0] * 9, 'still dimmed, and every number is 9 times too large'),
         (lambda pool, x, thw: pool(x, thw)[0] / pool(x / x, thw)[0], 'got NaN. 0/0 is NaN'),
         (lambda pool, x, thw: pool(x, thw)[0] / pool((x != 0).float(), thw)[0], 'token of 0 was not counted'),
         (lambda pool, x, thw: pool(x, thw), 'expected the averages alone'),
         (lambda pool, x, thw: pool(x, thw)[0] / pool(x, thw)[0], 'of a random grid: .* numbers are wrong')]),
}
