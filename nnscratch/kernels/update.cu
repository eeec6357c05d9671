// Update rules of training/optimizers.py: one launch moves all parameters, whose addresses come with the launch.

struct Part {  // one parameter: w, its gradient, the arrays that the rule remembers, and the count of its steps
    REAL* w;
    const REAL* dw;
    REAL *first, *second;
    long long* t;
    long long size;
    double rate, decay;  // a factor on the common rate; the share of w that is added to dw, or taken off w
};
struct Table { Part part[MOST]; };

extern "C" __global__ void count_steps(Table table, int parts) {
    for (EACH(i, parts)) ++*table.part[i].t;
}

// Block (x, y) works on parameter y. A rule changes w by dw, which is `g`, with the rate `step`. The common rate lies
// on the card where it has an address, so that a captured graph reads it anew.
#define RULE(name, ...)                                                                                             \
    extern "C" __global__ void name(Table table, const double* place, double rate, double a, double b, double c,    \
                                    bool decoupled) {                                                               \
        const Part& part = table.part[blockIdx.y];                                                                  \
        REAL step = (place ? *place : rate) * part.rate, decay = part.decay, shrink = 1 - step * decay;             \
        Settings set(a, b, c, part.t);                                                                              \
        for (EACH(i, part.size)) {                                                                                  \
            REAL w = part.w[i], g = part.dw[i];                                                                     \
            if (decoupled) w *= shrink;                                                                             \
            else if (decay) g += decay * w;                                                                         \
            __VA_ARGS__                                                                                             \
            part.w[i] = w;                                                                                          \
        }                                                                                                           \
    }

struct Settings {  // the rule's numbers a, b, c, and what Adam divides by to make good for having started at zero
    REAL a, b, c, mean, square;
    __device__ Settings(double a, double b, double c, const long long* t) : a(a), b(b), c(c) {
        mean = t ? 1 - pow(a, (double)*t) : 1;
        square = t ? 1 - pow(b, (double)*t) : 1;
    }
};

RULE(sgd, w -= step * g;)
RULE(momentum, REAL v = set.a * part.first[i] - step * g; part.first[i] = v; w += v;)
RULE(nesterov, REAL old = part.first[i], v = set.a * old - step * g; part.first[i] = v; w += (1 + set.a) * v - set.a * old;)
RULE(adagrad, REAL s = part.first[i] + g * g; part.first[i] = s; w -= step * g / (sqrt(s) + set.a);)
RULE(rmsprop, REAL s = set.a * part.first[i] + (1 - set.a) * g * g; part.first[i] = s; w -= step * g / (sqrt(s) + set.b);)
RULE(adam, REAL m = set.a * part.first[i] + (1 - set.a) * g, v = set.b * part.second[i] + (1 - set.b) * g * g;
     part.first[i] = m; part.second[i] = v; w -= step * (m / set.mean) / (sqrt(v / set.square) + set.c);)
