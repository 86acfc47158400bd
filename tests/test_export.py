"""ONNX files give the logits of the model, for other batches than the one that was traced.

The notebook of the export has a video model and one of MViTv2; here are the others.

    pytest tests/test_export.py -k maxpool
"""
import pytest
import torch

from mvit_nb.export import export_onnx
from mvit_nb.model import create_model

LITTLE = dict(image_size=64, embed_dim=24, depths=(1, 1), num_classes=5)


@pytest.mark.parametrize('name, changes', [
    ('mvit_b_16', {}), ('mvit_b_16x4_maxpool', dict(num_frames=4, cls_token=False)),
    ('mvitv2_s_16x4', dict(num_frames=4))])
def test_logits_of_file(tmp_path, name, changes):
    onnxruntime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    torch.manual_seed(0)
    model = create_model(name, **LITTLE, **changes).eval()
    path = export_onnx(model, tmp_path / 'tiny.onnx')
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    axes = session.get_inputs()[0].shape
    assert isinstance(axes[0], str)                                  # the batch is open
    for B in 1, 3:
        clips = torch.randn(B, *axes[1:])
        logits, = session.run(['logits'], {'clip': clips.numpy()})
        assert logits.shape == (B, 5)
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(logits), model(clips), atol=1e-4, rtol=0)
