# What the Cityscapes students share. Their recipes are MMSegmentation's own.
# For the ResNet and MobileNet students that is what the authors' code of GDKD
# does, in other units: 80k steps of 8 images (4 GPUs x 2) at lr 0.01 instead
# of 40k of 16 at 0.02, then the same poly 0.9 down to 1e-4 and weight decay
# 5e-4. MMSegmentation also distorts colours, normalizes by mean and std, and
# refuses crops of which one class fills more than 75 %; that is left as it is.
# With another total batch pass --auto-scale-lr to tools/train.py.
auto_scale_lr = dict(enable=False, base_batch_size=8)
