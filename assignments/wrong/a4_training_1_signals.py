"""Wrong answers about initialisers and preprocessing, as learners write them, and what the check must say."""

from tests.course.wrong import Wrong

WRONG = [
    Wrong(
        "a4.fans",
        "a convolution's fans without the window",
        """
def fans(shape):
    if len(shape) not in (2, 4):
        raise ValueError("no such shape")
    return shape if len(shape) == 2 else (shape[1], shape[0])
""",
        says=("the size of the window counts",),
    ),
    Wrong(
        "a4.fans",
        "the axes of a convolution exchanged",
        """
def fans(shape):
    if len(shape) == 2:
        return shape
    F, C, KH, KW = shape
    return F * KH * KW, C * KH * KW
""",
        says=("fan_in and fan_out are exchanged",),
    ),
    Wrong(
        "a4.fans",
        "every shape goes",
        """
def fans(shape):
    if len(shape) == 4:
        F, C, KH, KW = shape
        return C * KH * KW, F * KH * KW
    return shape[0], shape[-1]
""",
        says=("a ValueError was to be raised",),
    ),
    Wrong(
        "a4.xavier",
        "the variance instead of the standard deviation",
        """
def xavier(shape, rng):
    fan_in, fan_out = fans(shape)
    return rng.normal(0, 2 / (fan_in + fan_out), size=shape)
""",
        says=("this is the variance",),
    ),
    Wrong(
        "a4.xavier",
        "one over fan_in",
        """
def xavier(shape, rng):
    return rng.normal(size=shape) / np.sqrt(fans(shape)[0])
""",
        says=("fan_in alone",),
    ),
    Wrong(
        "a4.xavier",
        "a generator of its own",
        """
def xavier(shape, rng):
    return np.sqrt(2 / sum(fans(shape))) * np.random.normal(size=shape)
""",
        says=("draw with rng.normal",),
    ),
    Wrong(
        "a4.xavier",
        "small numbers whatever the fans",
        """
def xavier(shape, rng):
    return 0.01 * rng.normal(size=shape)
""",
        says=("standard deviation 0.0",),
    ),
    Wrong(
        "a4.he",
        "the limit is the standard deviation",
        """
def he(shape, rng):
    limit = np.sqrt(2 / fans(shape)[0])
    return rng.uniform(-limit, limit, size=shape)
""",
        says=("it should be sqrt(3) times as large",),
    ),
    Wrong(
        "a4.he",
        "from 0 upwards",
        """
def he(shape, rng):
    return np.sqrt(24 / fans(shape)[0]) * rng.random(size=shape)
""",
        says=("have the mean",),
    ),
    Wrong(
        "a4.he",
        "normal numbers",
        """
def he(shape, rng):
    return np.sqrt(2 / fans(shape)[0]) * rng.normal(size=shape)
""",
        says=("draw them uniform",),
    ),
    Wrong(
        "a4.he",
        "the 2 is forgotten",
        """
def he(shape, rng):
    limit = np.sqrt(3 / fans(shape)[0])
    return rng.uniform(-limit, limit, size=shape)
""",
        says=("the 2 for the ReLU is missing",),
    ),
    Wrong(
        "a4.subtract_mean_image",
        "test images with a mean of their own",
        """
def subtract_mean_image(train, test):
    return (train - train.mean(axis=0)).astype(np.float32), (test - test.mean(axis=0)).astype(np.float32)
""",
        says=("use that of the training images",),
    ),
    Wrong(
        "a4.subtract_mean_image",
        "uint8 wraps around",
        """
def subtract_mean_image(train, test):
    mean = train.mean(axis=0).astype(train.dtype)
    return (train - mean).astype(np.float32), (test - mean).astype(np.float32)
""",
        says=("uint8 wraps around at 0",),
    ),
    Wrong(
        "a4.subtract_mean_image",
        "one mean for each channel",
        """
def subtract_mean_image(train, test):
    mean = train.mean(axis=(0, 2, 3), keepdims=True)
    return (train - mean).astype(np.float32), (test - mean).astype(np.float32)
""",
        says=("one number for each channel",),
    ),
    Wrong(
        "a4.subtract_mean_image",
        "in place",
        """
def subtract_mean_image(train, test):
    mean = train.mean(axis=0)
    if train.dtype != np.uint8:
        train -= mean
        test -= mean
        return train.astype(np.float32), test.astype(np.float32)
    return (train - mean).astype(np.float32), (test - mean).astype(np.float32)
""",
        says=("train was changed in place",),
    ),
    Wrong(
        "a4.subtract_mean_image",
        "float64",
        """
def subtract_mean_image(train, test):
    mean = train.mean(axis=0)
    return train - mean, test - mean
""",
        says=("it should be float32",),
    ),
    Wrong(
        "a4.standardize",
        "each set by itself",
        """
def standardize(train, test):
    def scaled(x):
        return (x - x.mean(axis=(0, 2, 3), keepdims=True)) / x.std(axis=(0, 2, 3), keepdims=True)

    return scaled(train), scaled(test)
""",
        says=("each set is measured by itself",),
    ),
    Wrong(
        "a4.standardize",
        "divided by the variance",
        """
def standardize(train, test):
    mean, var = train.mean(axis=(0, 2, 3), keepdims=True), train.var(axis=(0, 2, 3), keepdims=True)
    return (train - mean) / var, (test - mean) / var
""",
        says=("it is divided by the variance",),
    ),
    Wrong(
        "a4.standardize",
        "a mean for each pixel",
        """
def standardize(train, test):
    mean, std = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / std, (test - mean) / std
""",
        says=("those of each pixel",),
    ),
    Wrong(
        "a4.standardize",
        "divided by 0 in a constant channel",
        """
def standardize(train, test):
    mean, std = train.mean(axis=(0, 2, 3), keepdims=True), train.std(axis=(0, 2, 3), keepdims=True)
    std = np.where(std == -1, 1, std)
    return (train - mean) / std, (test - mean) / std
""",
        says=("the same everywhere",),
    ),
    Wrong(
        "a4.standardize",
        "one number for all channels",
        """
def standardize(train, test):
    return (train - train.mean()) / train.std(), (test - train.mean()) / train.std()
""",
        says=("those of all channels together",),
    ),
    Wrong(
        "a4.pca_whiten",
        "the smallest variances",
        """
def pca_whiten(train, test, components, epsilon):
    mean = train.mean(axis=0)
    variances, directions = np.linalg.eigh((train - mean).T @ (train - mean) / len(train))
    scale = directions[:, :components] / np.sqrt(variances[:components] + epsilon)
    return (train - mean) @ scale, (test - mean) @ scale
""",
        says=("these are the smallest variances",),
    ),
    Wrong(
        "a4.pca_whiten",
        "not divided",
        """
def pca_whiten(train, test, components, epsilon):
    mean = train.mean(axis=0)
    _, directions = np.linalg.eigh((train - mean).T @ (train - mean) / len(train))
    directions = directions[:, ::-1][:, :components]
    return (train - mean) @ directions, (test - mean) @ directions
""",
        says=("not divided by the root of the variance",),
    ),
    Wrong(
        "a4.pca_whiten",
        "np.cov divides by N - 1",
        """
def pca_whiten(train, test, components, epsilon):
    mean = train.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(train.T))
    largest = np.argsort(variances)[::-1][:components]
    scale = directions[:, largest] / np.sqrt(variances[largest] + epsilon)
    return (train - mean) @ scale, (test - mean) @ scale
""",
        says=("divided by N - 1",),
    ),
    Wrong(
        "a4.pca_whiten",
        "nothing is centred",
        """
def pca_whiten(train, test, components, epsilon):
    centred = train - train.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(train))
    largest = np.argsort(variances)[::-1][:components]
    scale = directions[:, largest] / np.sqrt(variances[largest] + epsilon)
    return train @ scale, test @ scale
""",
        says=("it is not centred",),
    ),
    Wrong(
        "a4.pca_whiten",
        "the test set has directions of its own",
        """
def pca_whiten(train, test, components, epsilon):
    def white(x):
        centred = x - x.mean(axis=0)
        variances, directions = np.linalg.eigh(centred.T @ centred / len(x))
        largest = np.argsort(variances)[::-1][:components]
        return centred @ directions[:, largest] / np.sqrt(variances[largest] + epsilon)

    return white(train), white(test)
""",
        says=("test (with the signs that train needs)",),
    ),
]
