# NKD with the gradient's norm clipped at 5: cls_KD res50_distill_mv1_img.py.
_base_ = './nkd_imagenet.py'
recipe = dict(optim_wrapper=dict(clip_grad=dict(max_norm=5.0)))
