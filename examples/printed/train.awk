# Fits a line to noisy points by gradient descent. It knows no library and nothing of sweeps: it prints.
BEGIN {
    srand(1)
    for (i = 0; i < 200; i++) {
        x[i] = 2 * rand() - 1
        y[i] = 3 * x[i] - 1 + 0.2 * (rand() - 0.5)
    }
    for (epoch = 1; epoch <= 8; epoch++) {
        for (i = 0; i < 150; i++) {
            error = slope * x[i] + offset - y[i]
            slope -= rate * error * x[i]
            offset -= rate * error
            # A progress bar: each update writes over the last one, and is no metric.
            if (i % 50 == 0) printf "epoch %d/8 \033[32m%3d%%\033[0m loss %.4f\r", epoch, i / 1.5, error * error
        }
        loss = val_loss = 0
        for (i = 0; i < 200; i++) {
            error = slope * x[i] + offset - y[i]
            if (i < 150) loss += error * error / 150
            else val_loss += error * error / 50
        }
        printf "epoch %d/8 done - loss: %.5f - val_loss: %.5f\n", epoch, loss, val_loss
    }
}
