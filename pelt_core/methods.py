"""The catalogue: every method and every gate, one row each.

A new method is one class in `pelt_core.modules` and one row here.
"""

from __future__ import annotations

from pelt_core.anatomy import EMBEDDING, FINAL, GROUPS, INNER, KEYS_VALUES, LINEARS, SUBLAYERS
from pelt_core.entries import Entry, GateEntry
from pelt_core.modules.bottleneck import MultiHeadParallel, Parallel, Pfeiffer, Series
from pelt_core.modules.compacter import Compacter
from pelt_core.modules.gates import PromptGate, ScalarGate, SequenceGate, SoftmaxGate, TokenGate
from pelt_core.modules.intrinsic import Said
from pelt_core.modules.kronecker import KronA
from pelt_core.modules.mixture import AdaMix
from pelt_core.modules.prompt import IntrinsicPrompt, Prompt
from pelt_core.modules.pruning import DiffPruning, Sparse
from pelt_core.modules.side import Ladder, SideTuning
from pelt_core.modules.tokens import Prefix, PrefixMLP
from pelt_core.modules.vectors import IA3, Bias, NormTuning
from pelt_core.modules.weights import DoRA, LoRA

_SUBLAYERS = tuple(SUBLAYERS)
_LINEARS = ("linears", *LINEARS)
METHODS: dict[str, Entry] = {
    "series": Entry(
        Series,
        "y' = y + s (U φ(D y + b) + c)",
        "houlsby2019parameter",
        "bottleneck adapter after a sublayer or a linear map",
        positions=("attn", "mlp"),
        allowed=(*_SUBLAYERS, *_LINEARS),
    ),
    "parallel": Entry(
        Parallel,
        "y' = y + s (U φ(D x + b) + c)",
        "he2022towards",
        "bottleneck adapter beside a sublayer or a linear map",
        positions=("mlp",),
        allowed=(*_SUBLAYERS, *_LINEARS),
    ),
    "pfeiffer": Entry(
        Pfeiffer,
        "y' = LN(f + r + s (U φ(D LN(f + r) + b) + c))",
        "pfeiffer2021adapterfusion",
        "bottleneck adapter that reads the layer-normed sum, as in UniPELT; post-norm encoders only",
        positions=("mlp_norm",),
        allowed=("attn_norm", "mlp_norm"),
    ),
    "multihead_parallel": Entry(
        MultiHeadParallel,
        "y_i' = y_i + s U_i relu(D_i x) for every head i",
        "he2022towards",
        "one small parallel adapter beside every attention head",
        positions=("heads",),
        allowed=("heads",),
    ),
    "adamix": Entry(
        AdaMix,
        "y' = y + s (U_j φ(D_i y + b_i) + c_j), i, j ~ U{1..M}",
        "wang2022adamix",
        "series adapter of random experts, averaged after training",
        positions=("mlp",),
        allowed=(*_SUBLAYERS, *_LINEARS),
    ),
    "compacter": Entry(
        Compacter,
        "y' = y + U φ(D y + b) + c, U, D = Σ_i A_i ⊗ (s_i t_i)",
        "mahabadi2021compacter",
        "series adapter of Kronecker products, partly shared by all layers",
        positions=("attn", "mlp"),
        allowed=_SUBLAYERS,
    ),
    "lora": Entry(
        LoRA,
        "y' = y + (α/r) B A x",
        "hu2022lora",
        "low-rank change of a weight matrix",
        positions=("q", "v"),
        allowed=_LINEARS,
        mergeable=True,
    ),
    "dora": Entry(
        DoRA,
        "y' = m ⊙ (W + (α/r) B A) x / ‖W + (α/r) B A‖ + b",
        "liu2024dora",
        "low-rank change of the direction of a weight matrix, and a length for each of its rows",
        positions=("q", "v"),
        allowed=_LINEARS,
        mergeable=True,
    ),
    "krona": Entry(
        KronA,
        "y' = y + s (A ⊗ B) x",
        "edalati2022krona",
        "change of a weight matrix by a Kronecker product",
        positions=("q", "v"),
        allowed=_LINEARS,
        mergeable=True,
    ),
    "diff": Entry(
        DiffPruning,
        "y' = y + (z ⊙ W̃) x, z ~ HardConcrete(a)",
        "guo2021diff",
        "diff pruning: change of a weight matrix under a penalty on its non-zero entries",
        positions=("linears",),
        allowed=_LINEARS,
        mergeable=True,
    ),
    "sparse": Entry(
        Sparse,
        "y' = y + S x",
        "guo2021diff",
        "change of a fixed few entries of a weight matrix, as diff pruning leaves them",
        positions=("linears",),
        allowed=_LINEARS,
        mergeable=True,
    ),
    "said": Entry(
        Said,
        "y' = y + λ (P θ) x, P = H G Π H B",
        "aghajanyan2021intrinsic",
        "change of all weight matrices by a random projection of one short vector",
        positions=("linears",),
        allowed=_LINEARS,
        mergeable=True,
    ),
    "bitfit": Entry(
        Bias,
        "y' = y + b",
        "benzaken2022bitfit",
        "the biases, added at zero where a model has none",
        positions=("biases",),
        allowed=("biases", *GROUPS["biases"]),
        mergeable=True,
    ),
    "ia3": Entry(
        IA3,
        "y' = (1 + l) ⊙ y",
        "liu2022fewshot",
        "scales keys, values and the MLP's neurons",
        positions=("k", "v", "inner"),
        allowed=(*_LINEARS, *INNER),
        mergeable=True,
    ),
    "layernorm": Entry(
        NormTuning,
        "y' = y + w ⊙ N(x) + b",
        "zhao2024layernorm",
        "gain and bias of the normalisations",
        positions=("norms",),
        allowed=("norms", *GROUPS["norms"]),
        mergeable=True,
    ),
    "prefix": Entry(
        Prefix,
        "K' = [P_K; K], V' = [P_V; V]",
        "li2021prefix",
        "trained keys and values in front of every attention",
        positions=(KEYS_VALUES,),
        allowed=(KEYS_VALUES,),
    ),
    "mlp_prefix": Entry(
        PrefixMLP,
        "K' = [P_K; K], V' = [P_V; V], [P_K; P_V] = U_i tanh(D E + b) + c_i",
        "li2021prefix",
        "a prefix that an MLP shared by all layers writes; folded into a plain one after training",
        positions=(KEYS_VALUES,),
        allowed=(KEYS_VALUES,),
    ),
    "prompt": Entry(
        Prompt,
        "y' = [P; y]",
        "lester2021prompt",
        "trained embeddings in front of the text",
        positions=(EMBEDDING,),
        allowed=(EMBEDDING,),
    ),
    "intrinsic_prompt": Entry(
        IntrinsicPrompt,
        "y' = [P; y], P = W2 tanh(W1 v + b1) + b2",
        "qin2021intrinsic",
        "a prompt from a space of few dimensions, whose decoder is fitted to the prompts of other tasks",
        positions=(EMBEDDING,),
        allowed=(EMBEDDING,),
    ),
    "ladder": Entry(
        Ladder,
        "y' = y + U s_N, s_i = g_i(μ s_{i-1} + (1-μ) W_i h_i)",
        "sung2022lst",
        "ladder side-tuning: narrow layers that read every layer, with no gradient in the backbone",
        positions=(FINAL,),
        allowed=(FINAL,),
        backprop=False,
    ),
    "side": Entry(
        SideTuning,
        "y' = σ(a) y + (1-σ(a)) S(x)",
        "zhang2020side",
        "side-tuning: a narrow network of its own, blended with the backbone, with no gradient in it",
        positions=(FINAL,),
        allowed=(FINAL,),
        backprop=False,
    ),
    "full": Entry(
        None,
        "θ' = θ + Δθ",
        "devlin2019bert",
        "every parameter of the backbone, or of some of its layers",
        trains="model",
    ),  # fmt: skip
    "head": Entry(None, "y = W h", "devlin2019bert", "the output layer alone", trains="head"),
    "none": Entry(None, "y' = y", "", "the backbone as it is, untrained", trains="nothing"),
}
GATES: dict[str, GateEntry] = {
    "sequence": GateEntry(SequenceGate, "g = mean_t σ(w h_t + b)", "mao2022unipelt", "one number a row, for encoders"),
    "prompt": GateEntry(
        PromptGate,
        "g_t = mean_{s≤t} σ(w h_s + b)",
        "mao2022unipelt",
        "a running mean over the prompt, held while the answer is written, for causal models",
    ),
    "token": GateEntry(TokenGate, "g_t = σ(w h_t + b)", "mao2022unipelt", "one number a token"),
    "scalar": GateEntry(ScalarGate, "g = σ(a)", "mao2022unipelt", "one number a site"),
    "softmax": GateEntry(
        SoftmaxGate,
        "g_i = softmax_i(pool_t relu(w_i h_t + b_i))",
        "mao2022unipelt",
        "the methods of a layer share a total of 1",
    ),
}
# As UniPELT's released code has them: a gate takes the place of alpha / rank. BitFit goes without one, as some biases
# are outside of the layers.
_A, _P, _L = "pfeiffer(bottleneck=48)@mlp_norm", "prefix(tokens=10)", "lora(rank=8,alpha=8)@q,v"
_CAUSAL = f"{_L}+{_P}+series(bottleneck=48,start=normal)@mlp"
RECIPES: dict[str, str] = {
    "houlsby": "series@attn,mlp",
    "rslora": "lora(scaling=sqrt-rank)",
    "llm_adapters_series": "series(bottleneck=256,activation=tanh,bias=false,start=normal)@down",
    "llm_adapters_parallel": "parallel(bottleneck=256,activation=tanh,bias=false,start=normal)@up,down",
    "scaled_parallel": "parallel(bottleneck=512,scale=4)@mlp",
    "mam": "parallel(bottleneck=512,scale=4)@mlp+prefix(tokens=30)",
    "unipelt": f"sequence*[{_A}+{_P}+{_L}]",
    "unipelt_ap": f"sequence*[{_A}+{_P}]",
    "unipelt_al": f"sequence*[{_A}+{_L}]",
    "unipelt_pl": f"sequence*[{_P}+{_L}]",
    "unipelt_aplb": f"sequence*[{_A}+{_P}+{_L}]+bitfit",
    "unipelt_paper": f"sequence(per=submodule,padding=counted)*[{_A}+{_P}+{_L}]",
    "unipelt_released": f"sequence(padding=counted)*[{_A}+{_P}+{_L}]",
    "unipelt_nogate": f"{_A}+{_P}+lora(rank=8,alpha=16)@q,v",
    "unipelt_ap_nogate": f"{_A}+{_P}",
    "unipelt_causal": f"prompt*[{_CAUSAL}]",
    "unipelt_token": f"token*[{_CAUSAL}]",
}
