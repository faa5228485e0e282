# TopKD. No official code is known; k 5, tau 20 and what else its paper leaves
# open for every data set are this project's defaults, see TopKDLoss.
recipe = dict(
    model=dict(
        distill=dict(
            loss_kd=dict(
                loss=dict(type='mmkd_logit.TopKDLoss', k=5, tau=20.0)))))
