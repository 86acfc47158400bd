"""The page "Tokens" in a browser: the library's answers, and weights as they are in the data"""
import base64
import io
import json
import re
import zlib
from functools import cache

import pytest
import torch
from conftest import settled
from PIL import Image
from site_parts.paths import DOCS

from mvit_nb.analysis.attention_data import unpack_weights
from mvit_nb.figures.style import K_COLOR, Q_COLOR
from mvit_nb.tokens import token_report

CONTENT = json.loads((DOCS / 'data/attention.json').read_text(encoding='ascii'))
SMALL = CONTENT['query']
WIDE = 'start=mvit_s_16x4&num_frames=8&image_size=160&pool_mode=max&pool_kernel=none'
TOKENS = [('start=mvit_b_16x4', 0, (8, 64, 160)), ('start=mvit_b_16x4', 1, (8, 64, 164)),
          ('start=mvit_b_16x4', 15, (15, 223, 0)), ('start=mvit_b_16_maxpool', 3, (0, 100, 7)),
          ('start=mvitv2_s_16x4', 14, (3, 1, 220)), ('start=vit_b_8x8', 5, (7, 120, 33)),
          (WIDE, 2, (5, 80, 81))]


def asked(query, block, place):
    """What the library says, as it comes through JSON."""
    return json.loads(json.dumps(token_report(query, block, list(place))))


def report(page):
    """What the page has been told of the token that it shows."""
    return page.evaluate('mvitTokens.report()')


def opened(page, address=''):
    """The page of tokens, once Python is there."""
    page.goto(f'tokens.html{address}')
    settled(page)
    return page


def go(page, address):
    """Another address of the page that is open, as by a link; wait until the page shows it."""
    page.evaluate('address => { location.hash = address; }', address)
    page.wait_for_function('address => mvitTokens.address() === address', arg=address)


def addressed(query, block, place):
    """The part of an address that names a token of a design."""
    return f'{query}&block={block}&at={",".join(map(str, place))}'


def click(page, selector, place, clip, tap=False):
    """Click in the middle of pixel (y, x) of a picture of a clip."""
    picture = page.locator(selector)
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    at = {'x': (place[1] + 0.5) / clip[2] * box['width'],
          'y': (place[0] + 0.5) / clip[1] * box['height']}
    (picture.tap if tap else picture.click)(position=at)


def wait_for(page, token):
    """Wait until the page shows a token (t, h, w)."""
    page.wait_for_function('token => String(mvitTokens.report().tokens.at) === token',
                           arg=','.join(map(str, token)))


@cache
def weights_of(clip, block):
    """The weights (h, N_Q, N_K) of a block in the data."""
    data = zlib.decompress(base64.b64decode(CONTENT['clips'][clip]['attention']))
    sizes = [h * N_Q * (N_K + 2) for h, N_Q, N_K in CONTENT['layout']]
    start = sum(sizes[:block])
    return unpack_weights(data[start:start + sizes[block]], CONTENT['layout'][block])


def pixel(page, selector, place, clip):
    """The colour '#RRGGBB' of a picture at a place (y, x) of the clip, which may be broken."""
    return page.locator(selector).evaluate('''(canvas, [y, x, height, width]) => {
      const [row, column] = [(y + 0.5) / height * canvas.height, (x + 0.5) / width * canvas.width];
      const data = canvas.getContext('2d').getImageData(column, row, 1, 1).data;
      return '#' + [...data.slice(0, 3)].map((n) => n.toString(16).padStart(2, '0')).join('');
    }''', [*place, *clip[1:]]).upper()


def rgb(color):
    """Red, green and blue, 0 to 255, of a colour '#RRGGBB'."""
    return [int(color[i:i + 2], 16) for i in (1, 3, 5)]


def check_report(page, query, block, place):
    """The page shows what the library says of a token: as data, in words and in pictures."""
    expected = asked(query, block, place)
    assert report(page) == expected
    assert page.locator('.mvit-line').inner_text() == expected['said']['line']
    words = page.locator('.mvit-words').inner_text()
    assert all(expected['said'][name] in words for name in ('token', 'query', 'keys'))
    rows = page.locator('#mvit-tokens table tbody tr')
    names = [name.strip() for name in rows.locator('code').all_inner_texts()]
    assert names == list(expected['row'])
    values = rows.locator('td:nth-of-type(1)').all_inner_texts()
    assert values == [field['value'] for field in expected['row'].values()]
    assert page.locator('.mvit-moments canvas').count() == expected['keys']['thw'][0]


def test_an_address_shows_the_librarys_report(page):
    opened(page, f'#{addressed(*TOKENS[0])}')
    check_report(page, *TOKENS[0])
    for token in TOKENS[1:]:
        go(page, addressed(*token))
        check_report(page, *token)


def test_the_page_opens_with_the_trained_network(page):
    opened(page)
    found = report(page)
    assert found == asked(SMALL, found['block'], found['tokens']['centre'])
    assert '#' not in page.url


def test_a_click_asks_for_the_token_under_it(page):
    opened(page)
    for block in range(4):
        go(page, f'clip=1&block={block}&at=4,32,32')
        for place in ((3, 3), (60, 61), (17, 42)):
            click(page, '.mvit-picture', place, (8, 64, 64))
            expected = asked(SMALL, block, (4, *place))
            wait_for(page, expected['tokens']['at'])
            assert report(page) == expected
    go(page, 'clip=2&block=1&at=4,32,32')
    click(page, '.mvit-moments >> nth=0 >> canvas >> nth=3', (20, 40), (8, 64, 64))
    expected = asked(SMALL, 1, (6, 20, 40))
    wait_for(page, expected['tokens']['at'])
    assert report(page) == expected and expected['keys']['at'][0] == 3


@pytest.mark.parametrize('clip, block, place', [(0, 0, (4, 28, 36)), (3, 3, (0, 33, 33))])
def test_the_weights_are_the_data(page, clip, block, place):
    opened(page, f'#clip={clip}&block={block}&at={",".join(map(str, place))}')
    check_weights(page, clip, block)
    for clip, block in ((1, 1), (2, 2)):
        go(page, f'clip={clip}&block={block}&at=2,50,10')
        check_weights(page, clip, block)


def check_weights(page, clip, block):
    """All that the page has and says of weights is what the data say."""
    found, index = page.evaluate('mvitTokens.weights()'), report(page)['queries']['index']
    data = weights_of(clip, block)[:, index]                               # (h, N_K)
    rows = [data.mean(0), *data] if len(data) > 1 else list(data)
    assert len(found) == len(rows)
    logits = torch.tensor(CONTENT['clips'][clip]['logits'])
    says = f"The network says: {CONTENT['classes'][int(logits.argmax())]}."
    assert says in page.locator('.mvit-large figcaption').inner_text()
    for line, expected in zip(found, rows):
        shown = torch.tensor(line['row'], dtype=torch.float64)
        torch.testing.assert_close(shown, expected)
        bound = len(shown) * (data.max().item() / 510 + 1 / 131070)
        assert abs(shown.sum().item() - 1) < min(bound, 0.1)
    named = re.search(r'strongest keys are \((\d), (\d), (\d)\) with ([\d.]+)\s%',
                      page.locator('.mvit-words').inner_text())
    on_grid = rows[0][1:].view(*report(page)['keys']['thw'])
    assert abs(float(named[4]) - 100 * on_grid.max().item()) < 0.51
    assert on_grid[tuple(int(i) for i in named.groups()[:3])] == on_grid.max()
    captions = page.locator('.mvit-moments').first.locator('figcaption').all_inner_texts()
    for caption, moment in zip(captions, on_grid):
        assert abs(float(caption.split(':')[1].strip(' %')) - 100 * moment.sum().item()) < 0.51


def test_a_head_can_be_chosen(page):
    opened(page, '#clip=0&block=2&at=4,28,36')
    button = page.get_by_role('button', name='head 2')
    assert page.locator('.mvit-film button').count() == 5
    button.focus()
    page.keyboard.press('Enter')
    assert button.get_attribute('aria-pressed') == 'true'
    assert page.locator('.mvit-film button[aria-pressed=true]').count() == 1
    assert 'head 2' in page.locator('.mvit-large figcaption').inner_text()
    assert 'In head 2' in page.locator('.mvit-words').inner_text()
    assert page.evaluate('document.activeElement.textContent') == 'head 2'


def test_token_and_keys_are_drawn_where_they_are(page):
    clip = (16, 224, 224)
    opened(page, f"#{addressed('start=mvit_b_16x4', 0, (8, 64, 200))}")
    first = report(page)
    y, x = first['tokens']['centre'][1:]
    assert pixel(page, '.mvit-picture', (y, x), clip) == Q_COLOR
    assert pixel(page, '.mvit-moments canvas >> nth=3', (y, x), clip) != Q_COLOR
    page.evaluate('mvitTokens.pick(1, [8, 64, 200])')
    top = report(page)['keys']['cells'][1][2][0]                         # of the third row of keys

    def blue(y):                                                         # but for its soft edge
        found = pixel(page, '.mvit-picture', (y, 150), clip)
        return max(abs(a - b) for a, b in zip(rgb(found), rgb(K_COLOR))) < 50

    assert any(blue(top + step / 4) for step in range(-8, 9))            # an outline around
    assert not any(blue(top + 4 + step) for step in range(4))            # nothing but the picture


def test_the_strongest_key_is_filled(page):
    opened(page, '#clip=0&block=2&at=0,63,63')
    keys = report(page)['keys']
    row = weights_of(0, 2)[:, report(page)['queries']['index']].mean(0)[1:].view(4, 8, 8)
    strip = Image.open(io.BytesIO(base64.b64decode(CONTENT['clips'][0]['frames'])))
    for number, filled in ((row.argmax(), True), (row.argmin(), False)):
        t, h, w = (int(i) for i in torch.unravel_index(number, row.shape))
        (y, _), (x, _) = keys['cells'][1][h], keys['cells'][2][w]
        clip = strip.getpixel((int(x) + 1, 64 * 2 * t + int(y) + 1))       # under the cell's corner
        picture = f'.mvit-moments >> nth=0 >> canvas >> nth={t}'
        found = pixel(page, picture, (int(y) + 1, int(x) + 1), (8, 64, 64))
        expected = [0.8 * blue + 0.2 * under for blue, under in zip(rgb(K_COLOR), clip)]
        assert (max(abs(a - b) for a, b in zip(rgb(found), expected)) < 4) == filled


def test_a_key_under_the_pointer_is_told(page):
    opened(page, '#clip=0&block=1&at=4,28,36')
    box = page.locator('.mvit-picture').bounding_box()
    page.mouse.move(box['x'] + 8.5 / 64 * box['width'], box['y'] + 48.5 / 64 * box['height'])
    row = weights_of(0, 1)[:, report(page)['queries']['index']].mean(0)[1:].view(4, 8, 8)
    line = page.locator('.mvit-key-line').inner_text()
    assert line.startswith('Key (2, 6, 1) holds frames 1 to 7, y 41 to 55, x 1 to 15')
    assert f'{100 * row[2, 6, 1].item():.1f} %' in line
    page.mouse.move(box['x'] - 20, box['y'])
    assert '(2, 4, 5)' in page.locator('.mvit-key-line').inner_text()


def test_arrow_keys_move_the_token(page):
    opened(page, '#clip=0&block=0&at=0,0,56')
    picture = page.locator('.mvit-picture')
    assert picture.get_attribute('role') == 'application' and picture.get_attribute('aria-label')
    picture.focus()
    for key, token in (('ArrowRight', (0, 0, 15)), ('ArrowRight', (0, 0, 15)),
                       ('ArrowDown', (0, 1, 15)), ('PageDown', (1, 1, 15)),
                       ('ArrowLeft', (1, 1, 14)), ('PageUp', (0, 1, 14)), ('ArrowUp', (0, 0, 14))):
        page.keyboard.press(key)
        wait_for(page, token)
        page.evaluate('mvitTokens.pick(0, mvitTokens.report().tokens.centre)')   # nothing is left
        assert report(page)['tokens']['at'] == list(token)
    line = page.locator('.mvit-line')
    assert line.get_attribute('aria-live') == 'polite'
    assert line.inner_text() == report(page)['said']['line']


def test_the_block_is_a_slider(page):
    opened(page, '#start=mvit_b_16x4&block=0&at=8,64,160')
    page.locator('#mvit-block').focus()
    page.keyboard.press('ArrowRight')
    page.wait_for_function('mvitTokens.report().block === 1')
    page.keyboard.press('End')
    page.wait_for_function('mvitTokens.report().block === 15')
    assert report(page) == asked('start=mvit_b_16x4', 15, (8, 64, 160))
    page.wait_for_function('location.hash === "#start=mvit_b_16x4&block=15&at=8,64,160"')


def test_another_network_and_back(page):
    opened(page)
    page.locator('#mvit-network').select_option('mvit_b_16')
    page.wait_for_function('mvitTokens.report().clip[0] === 1')
    assert report(page) == asked('start=mvit_b_16', 0, (0, 112, 112))
    assert page.locator('#mvit-example').is_hidden()
    assert page.evaluate('mvitTokens.weights()')[0]['row'] is None
    page.locator('#mvit-network').select_option('a small trained network')
    page.locator('#mvit-example').select_option('3')
    page.wait_for_function('location.hash.startsWith("#clip=3&")')
    assert report(page)['clip'] == [8, 64, 64]


def test_what_is_not_possible_is_said(page):
    refused = page.get_by_role('alert')
    for address, sentence in (
        ('start=mvit_c', "unknown model 'mvit_c'"),
        ('start=mvit_b_16x4&image_size=8', 'the clip is too small'),
        ('start=mvit_b_16x4&block=16&at=0,0,0', 'block: expected 0 to 15, got 16'),
        ('clip=0&block=0&at=8,0,0',
         'position: expected (frame, y, x) from (0, 0, 0) to (7, 63, 63)'),
    ):
        opened(page, f'#{address}')                     # the first one loads the page
        refused.filter(has_text=sentence).wait_for()
        assert report(page)['clip'] == [8, 64, 64]      # what was shown before stays
        go(page, 'clip=0&block=1&at=4,28,36')
        refused.wait_for(state='hidden')


def test_an_address_that_was_opened_meanwhile_stays(page):
    """What was shown goes into the address a little later, but not over another one."""
    good, bad = 'clip=0&block=1&at=4,28,36', 'start=mvit_c'
    opened(page, f'#{good}')
    go(page, good)
    page.evaluate('address => { location.hash = address; }', bad)
    page.get_by_role('alert').filter(has_text='unknown model').wait_for()
    page.wait_for_timeout(600)
    assert page.evaluate('location.hash') == f'#{bad}'
    go(page, good)
    page.get_by_role('alert').wait_for(state='hidden')


def test_it_works_on_a_phone(phone):
    opened(phone, '#start=mvit_b_16x4&block=1&at=8,64,164')
    assert phone.evaluate('document.documentElement.scrollWidth') == 390
    assert phone.locator('.mvit-picture').bounding_box()['width'] > 330
    click(phone, '.mvit-picture', (100, 60), (16, 224, 224), tap=True)
    expected = asked('start=mvit_b_16x4', 1, (8, 100, 60))
    wait_for(phone, expected['tokens']['at'])
    assert report(phone) == expected


def test_it_works_from_a_file(page, file_url):
    page.goto(f'{file_url}/tokens.html')
    settled(page)
    found = page.evaluate('mvitTokens.pick(1, [4, 28, 36])')
    assert found == asked(SMALL, 1, (4, 28, 36))
    row = torch.tensor(page.evaluate('mvitTokens.weights()')[1]['row'], dtype=torch.float64)
    torch.testing.assert_close(row, weights_of(0, 1)[0, found['queries']['index']])
    page.locator('#mvit-network').select_option('mvit_b_16x4')
    page.wait_for_function('mvitTokens.report().clip[0] === 16')
    assert report(page) == asked('start=mvit_b_16x4', 0, (8, 112, 112))
