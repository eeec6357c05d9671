// Update rules of training/optimizers.py: one launch moves all parameters, whose addresses come with the launch.

struct Part {  // one parameter: w, its gradient, the arrays that the rule remembers, and the count of its steps
    REAL* w;
    const REAL* dw;
    REAL *first, *second;
    long long* t;
    long long size;
    double rate, decay;  // a factor on the common rate; the share of w that is added to dw, or taken off w
};

struct Launch {
    Part part[MOST];
    const double* place;  // of the common rate, where it lies on the card, so that a captured graph reads it anew
    double rate, a, b, c;  // the common rate otherwise; the rule's own numbers
    const bool* go;  // null, or where it is false nothing changes
    int parts, decoupled;
    __device__ bool stays() const { return go && !*go; }
};

// Looks at the gradients alone; whoever finds a number that is not finite writes the same into the flag.
extern "C" __global__ void look_for_finite(Launch all, bool* flag) {
    const Part& part = all.part[blockIdx.y];
    for (EACH(i, part.size))
        if (!isfinite(part.dw[i])) *flag = false;
}

extern "C" __global__ void count_steps(Launch all) {
    if (all.stays()) return;
    for (EACH(i, all.parts)) ++*all.part[i].t;
}

// Block (x, y) works on parameter y: each of its numbers w moves as `rule(w, g, step, first, second)` says, with the
// gradient g and the rate `step`. What the rule remembers lies at first and second.
template <class Rule>
__device__ void move(const Launch& all, Rule rule) {
    if (all.stays()) return;
    const Part& part = all.part[blockIdx.y];
    REAL step = (all.place ? *all.place : all.rate) * part.rate, decay = part.decay, shrink = 1 - step * decay;
    for (EACH(i, part.size)) {
        REAL w = part.w[i], g = part.dw[i];
        if (all.decoupled) w *= shrink;
        else if (decay) g += decay * w;
        rule(w, g, step, part.first + i, part.second + i);
        part.w[i] = w;
    }
}

extern "C" __global__ void sgd(Launch all) {
    move(all, [](REAL& w, REAL g, REAL step, REAL*, REAL*) { w -= step * g; });
}

extern "C" __global__ void momentum(Launch all) {
    REAL keep = all.a;
    move(all, [=](REAL& w, REAL g, REAL step, REAL* velocity, REAL*) { w += *velocity = keep * *velocity - step * g; });
}

extern "C" __global__ void nesterov(Launch all) {
    REAL keep = all.a;
    move(all, [=](REAL& w, REAL g, REAL step, REAL* velocity, REAL*) {
        w -= keep * *velocity;
        *velocity = keep * *velocity - step * g;
        w += (1 + keep) * *velocity;
    });
}

extern "C" __global__ void adagrad(Launch all) {
    REAL epsilon = all.a;
    move(all, [=](REAL& w, REAL g, REAL step, REAL* squares, REAL*) {
        *squares += g * g;
        w -= step * g / (sqrt(*squares) + epsilon);
    });
}

extern "C" __global__ void rmsprop(Launch all) {
    REAL keep = all.a, epsilon = all.b;
    move(all, [=](REAL& w, REAL g, REAL step, REAL* squares, REAL*) {
        *squares = keep * *squares + (1 - keep) * g * g;
        w -= step * g / (sqrt(*squares) + epsilon);
    });
}

extern "C" __global__ void adam(Launch all) {
    REAL beta1 = all.a, beta2 = all.b, epsilon = all.c;
    double t = *all.part[blockIdx.y].t;
    REAL rest1 = 1 - pow(all.a, t), rest2 = 1 - pow(all.b, t);  // makes good for having started at zero
    move(all, [=](REAL& w, REAL g, REAL step, REAL* m, REAL* v) {
        *m = beta1 * *m + (1 - beta1) * g;
        *v = beta2 * *v + (1 - beta2) * g * g;
        w -= step * (*m / rest1) / (sqrt(*v / rest2) + epsilon);
    });
}
