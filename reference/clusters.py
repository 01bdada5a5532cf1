"""What scikit-learn makes of the same codes, beside `vaekit evaluate RUN --representation`.

    pip install numpy scikit-learn
    vaekit encode RUN --part train --out train.npy
    vaekit encode RUN --part test --out test.npy
    python reference/clusters.py train.npy test.npy MNIST_FOLDER [rows]

Without arguments it prints the scores of six rows that a unit test of `eval/representation/agreement.rs` holds.
"""
import gzip
import sys

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler


def accuracy(found, truth):
    table = np.zeros((max(found.max(), truth.max()) + 1,) * 2)
    np.add.at(table, (found, truth), 1)
    rows, columns = linear_sum_assignment(-table)
    return table[rows, columns].sum() / len(truth)


def scores(found, truth):
    found, truth = np.asarray(found), np.asarray(truth)
    return accuracy(found, truth), normalized_mutual_info_score(truth, found), adjusted_rand_score(truth, found)


def labels(path):
    return np.frombuffer(gzip.open(path).read()[8:], dtype=np.uint8).astype(int)


if len(sys.argv) < 4:
    print("six rows: accuracy %r NMI %r ARI %r" % tuple(map(float, scores([0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 1]))))
    sys.exit()
n = int(sys.argv[4]) if len(sys.argv) > 4 else 10_000
train, test = np.load(sys.argv[1])[:n].astype(float), np.load(sys.argv[2])[:n].astype(float)
y_train = labels(f"{sys.argv[3]}/train-images-idx3-ubyte.gz".replace("images-idx3", "labels-idx1"))[: len(train)]
y_test = labels(f"{sys.argv[3]}/t10k-labels-idx1-ubyte.gz")[: len(test)]
scale = StandardScaler().fit(train)
probe = LogisticRegression(max_iter=1000).fit(scale.transform(train), y_train)
print(f"probe      {probe.score(scale.transform(test), y_test):.4f}")
print(f"5-NN       {KNeighborsClassifier(5).fit(train, y_train).score(test, y_test):.4f}")
for seed in range(3):
    k = KMeans(10, n_init=5, random_state=seed).fit_predict(test)
    g = GaussianMixture(10, random_state=seed, reg_covar=1e-4).fit_predict(test)
    print(f"seed {seed}     k-means %.3f/%.3f/%.3f   mixture %.3f/%.3f/%.3f" % (*scores(k, y_test), *scores(g, y_test)))
